import { expect, test } from 'vitest';
import { chosenFiles } from '../../../../src/lib/workbench/frame/dropped.ts';

test('hidden files of a chosen folder are passed over', () => {
	const names = ['a.jpg', '._a.jpg', '.DS_Store'];
	const files = Object.assign(
		names.map((name) => Object.assign(new File([], name), { webkitRelativePath: `set/${name}` })),
		{ item: () => null }
	);
	expect(chosenFiles(files).map(({ path }) => path)).toEqual(['set/a.jpg']);
	expect(chosenFiles(null)).toEqual([]);
});

import { describe, expect, it } from 'vitest';
import { SideWorker } from '../../../src/workers/side/worker.ts';

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

// Node has no private file system, like a browser's private window.
describe('files of runs where there is no storage', () => {
	it('are written, added to, cut, listed and removed', async () => {
		const files = new SideWorker();
		expect(await files.read('a/results.jsonl')).toBeUndefined();
		expect(await files.list()).toEqual([]);

		await files.append('a/results.jsonl', 'one\n');
		await files.append('a/results.jsonl', 'two\nth');
		await files.write('a/run.json', '{}');
		await files.write('ab/run.json', new Uint8Array([0x7b, 0x7d]));
		expect(text(await files.read('a/results.jsonl'))).toBe('one\ntwo\nth');

		await files.truncate('a/results.jsonl', 8);
		await files.append('a/results.jsonl', 'three\n');
		expect(text(await files.read('a/results.jsonl'))).toBe('one\ntwo\nthree\n');

		await files.write('a/run.json', '[]');
		expect(text(await files.read('a/run.json'))).toBe('[]');
		expect(await files.list()).toEqual(['a/results.jsonl', 'a/run.json', 'ab/run.json']);

		await files.close('a');
		await files.remove('a');
		expect(await files.list()).toEqual(['ab/run.json']);
	});

	it('are not changed by whoever has read or written them', async () => {
		const files = new SideWorker();
		const written = new Uint8Array([1, 2]);
		await files.write('a/x', written);
		written[0] = 9;
		const read = await files.read('a/x');
		read![1] = 9;
		expect(await files.read('a/x')).toEqual(new Uint8Array([1, 2]));
	});
});

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;

function sources(folder: string): string[] {
	return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
		.map((entry) => join(entry.parentPath, entry.name).slice(root.length));
}

/** Files and folders directly in `folder` that reach themselves by imports among them. */
function circles(folder: string): string[] {
	const partOf = (path: string) =>
		path.startsWith(`${folder}/`) ? path.slice(folder.length + 1).split('/')[0]! : undefined;
	const uses = new Map<string, Set<string>>();
	for (const path of sources(folder))
		for (const [, file] of readFileSync(join(root, path), 'utf8').matchAll(/ from '(\.[^']+)'/g)) {
			const [from, to] = [partOf(path)!, partOf(normalize(join(dirname(path), file!)))];
			if (to !== undefined && from !== to) uses.set(from, (uses.get(from) ?? new Set()).add(to));
		}
	expect(uses.size, `imports in ${folder}`).toBeGreaterThan(0);
	return [...uses.keys()].filter((start) => {
		const reached = new Set(uses.get(start));
		for (const part of reached) for (const next of uses.get(part) ?? []) reached.add(next);
		return reached.has(start);
	});
}

it.each(['src/lib', 'src/lib/model', 'src/lib/analysis', 'src/lib/benchmarks', 'src/lib/viz', 'src/cli'])(
	'the parts of %s import one way, without a circle',
	(folder) => {
		expect(circles(folder)).toEqual([]);
	}
);

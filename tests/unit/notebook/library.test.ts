// @vitest-environment jsdom
import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { toCell, transpile } from '@observablehq/notebook-kit';
import { describe, expect, it, vi } from 'vitest';
import { fileAttachments } from '../../../src/lib/notebook/frame/attachment.ts';
import { notebookOf } from '../../../src/lib/notebook/frame/imported.ts';
import { evaluateModule, withImports, withNotebookImports } from '../../../src/lib/notebook/frame/imports.ts';
import { KeptInputs } from '../../../src/lib/notebook/frame/inputs.ts';
import { Value } from '../../../src/lib/notebook/frame/value.ts';
import { absent, words } from '../../../src/lib/notebook/reference.ts';

describe('the reference', () => {
	it('has every name of Notebook Kit’s library, or a sentence why it is not here', () => {
		const kit = 'node_modules/@observablehq/notebook-kit/dist/src/runtime/stdlib/';
		const exported = ['recommendedLibraries.js', 'sampleDatasets.js'].flatMap((file) =>
			[...readFileSync(`${kit}${file}`, 'utf8').matchAll(/^export const (\w+)/gm)].map(([, name]) => name!)
		);
		const own = [...readFileSync(`${kit}index.js`, 'utf8').matchAll(/^ {4}(\w+): \(\) =>/gm)].map(
			([, name]) => name!
		);
		const names = [...exported, ...own].filter((name) => name !== 'Files');
		expect(names.length).toBeGreaterThan(40);
		const known = new Set([...words.map(({ label }) => label), ...Object.keys(absent)]);
		expect(names.filter((name) => !known.has(name))).toEqual([]);
	});

	it('has no name twice, and none of those that are not here', () => {
		const labels = words.map(({ label }) => label);
		expect(new Set(labels).size).toBe(labels.length);
		expect(labels.filter((label) => Object.hasOwn(absent, label))).toEqual([]);
	});
});

describe('imports', () => {
	const load = (specifier: string) => Promise.resolve({ default: `the ${specifier}`, a: 1, b: 2 });

	it('of cells and import.meta go through the frame, and nothing else is touched', () => {
		expect(withImports('(async () => [await import("x"), import.meta.url, "import(y)"])')).toBe(
			'(async () => [await __import("x"), __meta.url, "import(y)"])'
		);
	});

	it('of modules beside the notebook: every way to export', async () => {
		const code = `import one, { a as first } from "./one.js";
import * as all from "npm:all";
export * from "star";
export * as named from "named";
export { b as second } from "again";
export const c = first + 1, [d, { e, ...f }] = [2, { e: 3, g: 4 }];
export function later() { return count; }
export class K {}
export let count = 0;
const hidden = one;
export { hidden as shown, hidden as "odd name" };
export default () => all.b;
count = 5;`;
		const made = (await evaluateModule(code, 'x.js', load)) as Record<string, unknown>;
		expect(made).toMatchObject({ a: 1, b: 2, c: 2, d: 2, e: 3, f: { g: 4 }, second: 2, count: 5 });
		expect(made['named']).toEqual(await load('named'));
		expect((made['later'] as () => number)()).toBe(5);
		expect(made['K']).toBeTypeOf('function');
		expect([made['shown'], made['odd name']]).toEqual(['the ./one.js', 'the ./one.js']);
		expect((made['default'] as () => number)()).toBe(2);
	});

	it('of another notebook stay reactive, in JavaScript and in Observable’s', () => {
		const js = withNotebookImports(toCell({ id: 1, value: 'import {a} from "./other.html"' }));
		const ojs = toCell({ id: 2, mode: 'ojs', value: 'import {a} from "./other.html"' });
		for (const cell of [js, withNotebookImports(ojs)]) {
			const { body, inputs, outputs } = transpile(cell);
			expect(inputs).toContain('@variable');
			expect(outputs).toEqual(['a']);
			expect(notebookOf(/import\("([^"]+)"\)/.exec(body)![1]!)).toBe('other.html');
		}
		const both = toCell({ id: 4, value: 'import {a} from "./other.html"; a + 1' });
		expect(() => withNotebookImports(both)).toThrow(/in a cell of its own/);
		const module = toCell({ id: 3, value: 'import {a} from "./other.js"; "x.html"' });
		expect(withNotebookImports(module)).toEqual(module);
		expect(notebookOf('https://cdn.jsdelivr.net/npm/d3/+esm')).toBeUndefined();
		expect(notebookOf('https://api.observablehq.com/@d3/chart.js?v=4')).toBe('@d3/chart');
	});
});

describe('FileAttachment', () => {
	const bytes: Readonly<Record<string, Uint8Array>> = {
		'data/a.json': new TextEncoder().encode('{"a": 1}'),
		'b.txt': new TextEncoder().encode('bé'),
		'c.zip': zipSync({ 'in/d.txt': new TextEncoder().encode('d') })
	};
	const infos = Object.entries(bytes).map(([name, { length }]) => ({
		name,
		type: '',
		size: length,
		lastModified: 7
	}));
	const FileAttachment = fileAttachments(infos, (name) => Promise.resolve(new Uint8Array(bytes[name]!)));

	it('finds files by path or by name alone, and reads them', async () => {
		expect(await FileAttachment('./data/a.json').json()).toEqual({ a: 1 });
		expect(await FileAttachment('a.json').json()).toEqual({ a: 1 });
		expect(await FileAttachment('elsewhere/b.txt').text()).toBe('bé');
		expect(FileAttachment('b.txt')).toMatchObject({ name: 'b.txt', size: 3, lastModified: 7 });
		expect(FileAttachment('b.txt')).toBeInstanceOf(FileAttachment);
		const archive = await FileAttachment('c.zip').zip();
		expect(archive.filenames).toEqual(['in/d.txt']);
		expect(await archive.file('in/d.txt').text()).toBe('d');
	});

	it('says what is not there and what is not read', async () => {
		expect(() => FileAttachment('missing.csv')).toThrow(
			/no file “missing\.csv” beside this notebook; add it/
		);
		await expect(FileAttachment('b.txt').parquet()).rejects.toThrow(/Parquet is not read here; csv/);
		await expect(FileAttachment('b.txt').json()).rejects.toThrow('b.txt is not valid JSON.');
		expect(() => FileAttachment('b.txt').href).toThrow(/url\(\)/);
	});
});

describe('inputs', () => {
	const cell = toCell({ id: 3, value: 'view(…)' });
	const field = (type: string, value: string) =>
		Object.assign(document.createElement('input'), { type, value });

	it('stand where they stood, unless their cell says something else now', () => {
		const changed = vi.fn();
		const first = field('range', '2');
		new KeptInputs({}, changed).restore(cell, 0, first);
		first.value = '7';
		first.dispatchEvent(new Event('input'));
		const kept = changed.mock.lastCall![0] as ConstructorParameters<typeof KeptInputs>[0];
		expect(kept).toEqual({ '3:0': { of: 'view(…)', value: '7' } });
		const again = (value: string) => {
			const input = field('range', '2');
			new KeptInputs(kept, changed).restore({ ...cell, value }, 0, input);
			return input.value;
		};
		expect(again('view(…)')).toBe('7');
		expect(again('view(other)')).toBe('2');
	});

	it('of files and other things that cannot be set are not remembered', () => {
		const changed = vi.fn();
		const odd = Object.assign(document.createElement('div'), { value: { a: 1 } });
		new KeptInputs({}, changed).restore(cell, 0, odd);
		odd.dispatchEvent(new Event('input'));
		expect(changed).not.toHaveBeenCalled();
	});
});

it('a value that changes wakes every cell that waits for it', async () => {
	const value = new Value<number | undefined>(undefined);
	const [one, two] = [value.values((now) => now * 2), value.values((now) => now)];
	const first = [one.next(), two.next()];
	value.set(3);
	expect(await Promise.all(first)).toEqual([
		{ done: false, value: 6 },
		{ done: false, value: 3 }
	]);
	const second = one.next();
	value.set(4);
	expect((await second).value).toBe(8);
});

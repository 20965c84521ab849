import { checkManifest } from '../../../src/lib/model/runtime/check-manifest.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sideOf } from '../../../src/lib/analysis/grid.ts';
import { okabeIto } from '../../../src/lib/viz/palette.ts';
import { bytes, count, duration, plural } from '../../../src/lib/workbench/words/format.ts';
import { projectorFacts } from '../../../src/lib/workbench/words/facts.ts';
import { coloursOf, titleOf } from '../../../src/lib/workbench/words/projectors.ts';
import { Layout } from '../../../src/lib/workbench/frame/layout.svelte.ts';
import { listModels } from '../../../src/lib/workbench/session/model-list.ts';
import { cellAt, isTrained, neighbour, tokenGrid } from '../../../src/lib/study/tokens.ts';
import { fakeManifest, FakeMemory } from './fakes.ts';

describe('colours', () => {
	test('the five projectors have five colours of Okabe and Ito', () => {
		const colours = coloursOf(['linear', 'mlp', 'resampler', 'c-abs', 'd-abs']);
		expect(colours).toEqual({
			linear: okabeIto.purple,
			mlp: okabeIto.sky,
			resampler: okabeIto.green,
			'c-abs': okabeIto.orange,
			'd-abs': okabeIto.blue
		});
	});

	test('projectors that differ in M only share a colour; no two others of a model look alike', () => {
		const colours = coloursOf(['c-abs', 'c-abs-m144', 'c-abs-deep', 'mine', 'd-abs-2']);
		expect(colours['c-abs']).toBe(okabeIto.orange);
		expect(colours['c-abs-m144']).toBe(okabeIto.orange);
		expect(colours['d-abs-2']).toBe(okabeIto.blue);
		expect(new Set(Object.values(colours)).size).toBe(4);
	});
});

describe('names', () => {
	const embedded = checkManifest(
		JSON.parse(readFileSync('static/models/honeybee-mini/honeybee.json', 'utf8')),
		'honeybee-mini'
	);

	test('figures call projectors as the model does, whatever their M', () => {
		for (const [name, { title }] of Object.entries(embedded.projectors)) expect(titleOf(name)).toBe(title);
		expect(titleOf('c-abs, M = 36')).toBe('C-Abstractor, M = 36');
		expect(titleOf('c-abs-mine')).toBe('c-abs-mine');
		expect(titleOf('constructor')).toBe('constructor');
		expect(titleOf('7B-C-Abs, published')).toBe('7B-C-Abs, published');
	});

	test('projectors that differ in M only have one line, with every M they were trained at', () => {
		const facts = projectorFacts(embedded);
		expect(facts.map(({ term }) => term)).toEqual([
			...['C-Abstractor', 'D-Abstractor', 'Resampler', 'Average pooling', 'MLP', 'Linear']
		]);
		expect(facts[1]!.value).toContain('trained at M = 16, 36, 64, 144;');
		expect(facts[0]!.value).toContain('runs at any other square M');
		expect(facts[1]!.value).not.toContain('any other');
	});
});

describe('format', () => {
	test.each([
		[0, '0\u00a0B'],
		[999, '999\u00a0B'],
		[1536, '1.54\u00a0kB'],
		[34_123_456, '34.1\u00a0MB']
	])('%i bytes', (value, text) => expect(bytes(value)).toBe(text));

	test.each([
		[0.42, '0.4\u00a0ms'],
		[37.6, '38\u00a0ms'],
		[1520, '1.52\u00a0s'],
		[125_000, '2\u00a0min 5\u00a0s']
	])('%f ms', (value, text) => expect(duration(value)).toBe(text));

	test('counts and plurals', () => {
		expect(count(32000)).toBe('32\u202f000');
		expect(count(512)).toBe('512');
		expect(plural(1, 'file')).toBe('1\u00a0file');
		expect(plural(5, 'file')).toBe('5\u00a0files');
	});
});

describe('token grids', () => {
	const { projectors } = fakeManifest('mini');
	const cAbs = projectors['c-abs']!;
	const resampler = projectors['resampler']!;

	test('pooled tokens lie on a square grid, the resampler’s nowhere', () => {
		expect(tokenGrid(cAbs, 16, 6)).toEqual({ rows: 4, columns: 4, count: 16 });
		expect(tokenGrid({ ...cAbs, token_places: 'patches' }, 36, 6)).toEqual({
			rows: 6,
			columns: 6,
			count: 36
		});
		expect(tokenGrid(resampler, 9, 6)).toBeUndefined();
		expect(tokenGrid(cAbs, 10, 6)).toBeUndefined();
	});

	test('squares and training', () => {
		expect(sideOf(144)).toBe(12);
		expect(sideOf(143)).toBeUndefined();
		expect(isTrained(cAbs, 9)).toBe(true);
		expect(isTrained(cAbs, 16)).toBe(false);
	});

	test('cells by point and by arrow key, row-major and inside the grid', () => {
		const grid = { rows: 3, columns: 3, count: 9 };
		expect(cellAt(grid, 0.99, 0.01)).toBe(2);
		expect(cellAt(grid, 1, 1)).toBe(8);
		expect(cellAt(grid, -0.1, 0.5)).toBe(3);
		expect(neighbour(grid, 4, 'ArrowUp')).toBe(1);
		expect(neighbour(grid, 3, 'ArrowLeft')).toBe(3);
		expect(neighbour(grid, 8, 'ArrowDown')).toBe(8);
		expect(neighbour(grid, 4, 'a')).toBeUndefined();
	});
});

describe('list of models', () => {
	const serve = (body: string, status = 200) =>
		listModels('http://site/base/', async () => new Response(body, { status }));

	test('folders are found beside the list, whether their url ends in a slash or not', async () => {
		const list = await serve(
			JSON.stringify({
				models: [
					{ name: 'mini', title: 'Mini', url: 'mini', knows: 'Only its scenes.' },
					{ name: 'far', url: 'https://elsewhere/far/' }
				]
			})
		);
		expect(list).toEqual([
			{
				name: 'mini',
				title: 'Mini',
				knows: 'Only its scenes.',
				location: { kind: 'url', url: 'http://site/base/models/mini/' }
			},
			{ name: 'far', title: 'far', location: { kind: 'url', url: 'https://elsewhere/far/' } }
		]);
	});

	test('the embedded model says what it knows even where the list only names it', async () => {
		const [model] = await serve('{"models":[{"name":"honeybee-mini"}]}');
		expect(model?.knows).toMatch(/only its scenes/);
	});

	test('no list, an empty list and a start page in its place mean no models', async () => {
		expect(await serve('Not found', 404)).toEqual([]);
		expect(await serve('{"models":[]}')).toEqual([]);
		expect(await serve('<!doctype html><html></html>')).toEqual([]);
	});

	test('a broken list is told in a sentence', async () => {
		await expect(serve('{"models":')).rejects.toThrow('models/index.json is not valid JSON');
		await expect(serve('{}')).rejects.toThrow('has no "models" list');
		await expect(serve('{"models":[{}]}')).rejects.toThrow('an entry without a name');
		await expect(serve('', 500)).rejects.toThrow('HTTP 500');
	});
});

describe('layout', () => {
	test('sizes, theme and the open chat are remembered, within the panes’ limits', () => {
		const memory = new FakeMemory();
		const layout = new Layout(memory);
		layout.resize('left', 300.4);
		layout.resize('right', 5000);
		layout.setTheme('dark');
		layout.toggleChat();
		const next = new Layout(memory);
		expect(next.width('left')).toBe(300);
		expect(next.width('right')).toBe(680);
		expect(next.theme).toBe('dark');
		expect(next.chatOpen).toBe(false);
	});

	test('nonsense in the storage is ignored', () => {
		const memory = new FakeMemory();
		memory.setItem('honeybee.theme', '"pink"');
		memory.setItem('honeybee.width.left', 'wide');
		const layout = new Layout(memory);
		expect(layout.theme).toBe('system');
		expect(layout.width('left')).toBe(272);
	});
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { donorWords, editsWord, readEdits } from '../../../../src/lib/study/edits.ts';
import { pathWord, readPath, thinned } from '../../../../src/routes/scenes/sweep-setup.svelte.ts';
import { columnsWord, readColumns } from '../../../../src/lib/study/columns.ts';
import { compose, readScene, sceneWord } from '../../../../src/lib/scenes/composition.ts';
import {
	anyWords,
	oneWord,
	PageSettings,
	readSelection,
	selectionWord,
	share,
	speaks,
	whole,
	yesOrNo
} from '../../../../src/lib/workbench/frame/settings.svelte.ts';
import { generateScene, type AtlasIndex } from '../../../../src/lib/scenes/index.ts';

/** A page with one setting of each kind. */
function page() {
	const state = { method: 'a' as 'a' | 'b', layer: 'mean' as number | 'mean', on: true, dim: 0.7, name: '' };
	return {
		state,
		settings: {
			method: oneWord(
				['a', 'b'],
				'a',
				() => state.method,
				(value) => (state.method = value)
			),
			layer: whole(
				'mean',
				() => state.layer,
				(value) => (state.layer = value),
				{ words: ['mean'] }
			),
			on: yesOrNo(
				true,
				() => state.on,
				(value) => (state.on = value)
			),
			dim: share(
				0.7,
				() => state.dim,
				(value) => (state.dim = value)
			),
			name: anyWords(
				() => state.name || undefined,
				(word = '') => (state.name = word)
			)
		}
	};
}
const words = (settings: PageSettings) =>
	Object.fromEntries([...settings.words].filter(([, word]) => word !== undefined));

describe('settings of a page in the address', () => {
	it('need no parameter while they are as the page has them', () => {
		const settings = new PageSettings(() => new URLSearchParams());
		settings.add(page().settings);
		expect([...settings.words.keys()]).toEqual(['method', 'layer', 'on', 'dim', 'name']);
		expect(words(settings)).toEqual({});
	});

	it('come back from a link, and go back to what they were', () => {
		let address = new URLSearchParams('method=b&layer=3&on=no&dim=40&name=x+y');
		const settings = new PageSettings(() => address);
		const { state, settings: mine } = page();
		const remove = settings.add(mine);
		expect(state).toEqual({ method: 'b', layer: 3, on: false, dim: 0.4, name: 'x y' });
		expect(new URLSearchParams(words(settings) as Record<string, string>).toString()).toBe(
			address.toString()
		);
		address = new URLSearchParams('model=m');
		settings.apply(address);
		expect(state).toEqual(page().state);
		remove();
		expect(settings.words.size).toBe(0);
	});

	it('keep what is remembered when a page is reached by its name alone', () => {
		const { state, settings: mine } = page();
		state.method = 'b';
		new PageSettings(() => new URLSearchParams('backend=wasm')).add(mine);
		expect(state.method).toBe('b');
		expect(speaks(new URLSearchParams('backend=wasm'))).toBe(false);
	});

	it('ignore words that mean nothing', () => {
		const { state, settings: mine } = page();
		const settings = new PageSettings(() => new URLSearchParams());
		settings.add(mine);
		settings.apply(new URLSearchParams('method=zz&layer=-1&on=perhaps&dim=1e3'));
		expect(state).toEqual(page().state);
		settings.apply(new URLSearchParams('dim=900'));
		expect(state.dim).toBe(1);
	});
});

describe('words of an address', () => {
	it('hold what is chosen in figures', () => {
		const selection = { token: 5, layer: 2, column: 1 };
		expect(selectionWord(selection)).toBe('token.5-layer.2-column.1');
		expect(readSelection('token.5-layer.2-column.1')).toEqual(selection);
		expect(selectionWord({})).toBeUndefined();
		expect(readSelection('token.x-evil.3-patch.7-layer.-1')).toEqual({ patch: 7 });
	});

	it('hold edits of visual tokens', () => {
		const edits = [
			{ kind: 'mean' as const, tokens: [3, 4] },
			{ kind: 'swap' as const, pairs: [[1, 2] as const, [8, 9] as const] },
			{ kind: 'delete' as const, tokens: [0] }
		];
		const none = new Map<string, never>();
		const unnamed = () => '';
		expect(readEdits(editsWord(edits, unnamed)!, none)).toEqual(edits);
		expect(readEdits('swap.1-burn.2-mean.x-delete', none)).toEqual([]);
		expect(editsWord([], unnamed)).toBeUndefined();
	});

	it('hold transplants, whose images have words of their own', () => {
		const image = { id: 'abc', name: 'Scene 2', bytes: new Uint8Array([1]) };
		const edits = [
			{ kind: 'delete' as const, tokens: [0] },
			{
				...{ kind: 'transplant' as const, tokens: [5, 9], source: [7, 8] },
				from: { projector: 'd-abs-m64', tokens: 64, image }
			},
			{ kind: 'mean' as const, tokens: [1] }
		];
		for (const name of ['scene.2', 'data.ab-cd_ef-mean', '0123456789abcdef']) {
			const word = editsWord(edits, () => name)!;
			expect(new URLSearchParams(`edits=${encodeURIComponent(word)}`).get('edits')).toBe(word);
			expect(donorWords(word)).toEqual([name]);
			expect(readEdits(word, new Map([[name, image]]))).toEqual(edits);
			expect(readEdits(word, new Map())).toEqual([edits[0], edits[2]]);
		}
		const images = new Map([['scene.2', image]]);
		expect(readEdits('transplant.5*7.8*d-abs*36*scene.2', images)).toEqual([]);
		// Token 40 of 36 a view is one of the second view; the model says so where there is none.
		expect(readEdits('transplant.5*40*d-abs*36*scene.2', images)).toHaveLength(1);
		expect(readEdits('transplant.5*7*%*36*scene.2', images)).toEqual([]);
		expect(donorWords('mean.3-swap.1.2')).toEqual([]);
	});

	it('hold a drawn path, thinned to what they can say', () => {
		const drawn = [10.4, 10.9, 20.2, 33].map((x) => ({ x, y: 48.6 }));
		const kept = thinned(drawn);
		expect(kept).toEqual([10, 20, 33].map((x) => ({ x, y: 49 })));
		expect(pathWord(kept)).toBe('10.49-20.49-33.49');
		expect(readPath(pathWord(kept)!, 96)).toEqual(kept);
		expect(pathWord(kept.slice(1, 2))).toBeUndefined();
		for (const word of ['10.49', '10.49-97.1', '10.49-x.1', '', '10.49-20'])
			expect(readPath(word, 96)).toBeUndefined();
	});

	it('hold the columns of a comparison', () => {
		const columns = [{ projector: 'd-abs', tokens: 16 }, { model: 'my, model/7:B', projector: 'c-abs' }, {}];
		expect(readColumns(columnsWord(columns))).toEqual(columns);
		expect(readColumns('d-abs')).toEqual([{ projector: 'd-abs' }]);
		for (const word of ['a:0,b', 'a:x,b', '%,b', 'a,b,c,d,e'])
			expect(readColumns(word), word).toBeUndefined();
	});

	it('hold a scene that was composed by hand', () => {
		const { classes, styles } = JSON.parse(readFileSync('static/scenes/atlas.json', 'utf8')) as AtlasIndex;
		const read = (word: string) => readScene(word, classes.length, styles.length);
		for (let seed = 0; seed < 50; seed++) {
			const scene = compose(generateScene(seed, 'test'));
			const { background, objects } = read(sceneWord(scene))!;
			expect({ background, objects }).toEqual({ background: scene.background, objects: scene.objects });
		}
		expect(read('0')?.objects).toEqual([]);
		for (const word of ['', '99', '0_1.0', '0_9999.0.20.1.1', '0_1.7.20.1.1', '0_1.0.20.1.x', 'x_1.0.20.1.1'])
			expect(read(word), word).toBeUndefined();
		// Nothing lies outside the image.
		const [sprite] = read('0_1.0.900.900.900')!.objects;
		expect(sprite!.x + sprite!.size).toBeLessThanOrEqual(112);
	});
});

import { describe, expect, it } from 'vitest';
import type { ProjectorEntry } from '../../../../src/lib/model/manifest.ts';
import { checkPlaces, visualPositions } from '../../../../src/lib/model/runtime/media-runs.ts';
import type { TokenEdit } from '../../../../src/lib/model/runtime/types.ts';
import {
	editedRows,
	rowKey,
	sourceKey,
	sourcesFrom,
	splice,
	type VisualRun,
	type VisualSource
} from '../../../../src/lib/model/runtime/visual-rows.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';

function source(id: string, tokens: number, eos = 0, name = 'p'): VisualSource {
	return {
		image: { id, name: `${id}.png`, bytes: new Uint8Array() },
		choice: { name, tokens, entry: {} as ProjectorEntry },
		tokens,
		...{ M: tokens, perView: tokens + eos },
		rows: tokens + eos,
		layout: Array.from({ length: tokens + eos }, (_, row) => row)
	};
}

/** Two views of two tokens, and a newline; token 1 is left out. */
const laidOut: VisualSource = {
	...source('c', 2),
	tokens: 4,
	rows: 5,
	layout: [2, 0, 4, 3, 4]
};

describe('positions of visual tokens', () => {
	it('come image by image, side by side or not', () => {
		expect(visualPositions([1, -1, -1, 5, -1, -1, 6], [2, 2], { apart: true })).toEqual([
			[1, 2],
			[4, 5]
		]);
		expect(visualPositions([-1, 7, -1, -1, 5, -1], [3, 1])).toEqual([[0, 2, 3], [5]]);
		expect(visualPositions([1, -1, -1, -1, -1, 6], [2, 2])).toEqual([
			[1, 2],
			[3, 4]
		]);
		expect(visualPositions([1, 2], [])).toEqual([]);
	});

	it('refuses images that stand next to each other where upstream cannot tell them apart', () => {
		const ids = [1, -1, -1, -1, -1, 6];
		expect(() => visualPositions(ids, [2, 2], { apart: true })).toThrow(InputError);
		expect(() => visualPositions(ids, [2, 2], { apart: true })).toThrow('next to each other');
	});

	it.each([
		['a <image> b', 2],
		['a b', 1],
		['<image>', 0]
	])('refuses %j for %i images', (text, images) => {
		expect(() => checkPlaces(text, '<image>', images)).toThrow(InputError);
	});
});

it('overwrites the rows of image tokens, from any position on', () => {
	const [a, b] = [source('a', 2), source('b', 2)];
	const runs: VisualRun[] = [
		{ positions: [1, 2], own: a, ...editedRows(a, [], () => a) },
		{ positions: [4, 5], own: b, ...editedRows(b, [{ kind: 'mean', tokens: [0] }], () => b) }
	];
	const visual = new Map([
		[sourceKey(a), Float32Array.of(10, 11, 12, 13)],
		[sourceKey(b), Float32Array.of(20, 21, 22, 23)]
	]);
	const whole = new Float32Array(12);
	splice(whole, 2, 0, runs, visual);
	expect([...whole]).toEqual([0, 0, 10, 11, 12, 13, 0, 0, 21, 22, 22, 23]);
	const part = new Float32Array(6);
	splice(part, 2, 2, runs, visual);
	expect([...part]).toEqual([12, 13, 0, 0, 21, 22]);
	expect(sourcesFrom(runs, 3)).toEqual([b]);
	expect(() =>
		splice(new Float32Array(12), 2, 0, runs, new Map([[sourceKey(a), new Float32Array(1)]]))
	).toThrow();
});

describe('a layout', () => {
	const rows = (...edits: TokenEdit[]) => editedRows(laidOut, edits, () => laidOut);

	it('says in which order tokens stand, which are left out, and where newlines are', () => {
		expect(rows().rows.map(({ row }) => row)).toEqual([2, 0, 4, 3, 4]);
		expect(rows().slots).toEqual([1, -1, 0, 3]);
		expect(rows().deleted).toEqual([]);
		const deleted = rows({ kind: 'delete', tokens: [0] });
		expect(deleted.rows.map(({ row }) => row)).toEqual([2, 4, 3, 4]);
		expect(deleted.slots).toEqual([-1, -1, 0, 2]);
		expect(deleted.deleted).toEqual([1]);
	});

	it('keeps newlines and what is left out away from edits and means', () => {
		expect(() => rows({ kind: 'mean', tokens: [1] })).toThrow('lies on padding');
		const own = laidOut;
		const runs: VisualRun[] = [{ positions: [0, 1, 2, 3, 4], own, ...rows({ kind: 'mean', tokens: [2] }) }];
		const embeds = new Float32Array(5);
		splice(embeds, 1, 0, runs, new Map([[sourceKey(own), Float32Array.of(1, 50, 4, 7, 9)]]));
		expect([...embeds]).toEqual([4, 1, 9, 7, 9]);
	});
});

describe('edits', () => {
	const own = source('a', 4, 1);
	const other = source('b', 9);
	const keys = (...edits: TokenEdit[]) => editedRows(own, edits, () => other).rows.map(rowKey);
	const plain = ['a/p/4/0', 'a/p/4/1', 'a/p/4/2', 'a/p/4/3', 'a/p/4/4'];

	it('name what stands at each position; the eos token stays', () => {
		expect(keys()).toEqual(plain);
		expect(keys({ kind: 'delete', tokens: [1, 2] })).toEqual([plain[0], plain[3], plain[4]]);
		expect(keys({ kind: 'mean', tokens: [3] })[3]).toBe('a/p/4/mean');
		const from = { projector: 'p', image: other.image };
		expect(keys({ kind: 'transplant', tokens: [2, 0], source: [8, 7], from })).toEqual([
			...['b/p/9/7', plain[1], 'b/p/9/8', plain[3], plain[4]]
		]);
	});

	it('are done in order, on tokens as they were named before any', () => {
		const swap: TokenEdit = { kind: 'swap', pairs: [[0, 3]] };
		expect(keys(swap).slice(0, 4)).toEqual([plain[3], plain[1], plain[2], plain[0]]);
		expect(keys(swap, swap)).toEqual(plain);
		expect(keys({ kind: 'delete', tokens: [0] }, { kind: 'swap', pairs: [[1, 3]] })).toEqual([
			...[plain[3], plain[2], plain[1], plain[4]]
		]);
		expect(editedRows(own, [{ kind: 'delete', tokens: [0, 2] }], () => other).slots).toEqual([-1, 0, -1, 1]);
	});

	it.each<[TokenEdit, string]>([
		[{ kind: 'mean', tokens: [4] }, 'no visual token 4'],
		[{ kind: 'swap', pairs: [[0, -1]] }, 'no visual token -1'],
		[{ kind: 'delete', tokens: [1, 1] }, 'token 1 was deleted'],
		[
			{ kind: 'transplant', tokens: [0], source: [9], from: { projector: 'p', image: other.image } },
			'no visual token 9 of b.png'
		],
		[
			{ kind: 'transplant', tokens: [0], source: [], from: { projector: 'p', image: other.image } },
			'as many source tokens'
		]
	])('refuse %j', (edit, message) => {
		expect(() => keys(edit)).toThrow(InputError);
		expect(() => keys(edit)).toThrow(message);
	});
});

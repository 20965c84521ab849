import { describe, expect, test } from 'vitest';
import {
	areColumns,
	defaultColumns,
	letterOf,
	nextColumn,
	nothingBeside,
	projectorOrder,
	resolve
} from '../../../src/lib/study/columns.ts';
import type { Subject } from '../../../src/lib/study/subject.ts';
import { translate } from '../../../src/routes/compare/cursor.svelte.ts';
import { fakeManifest } from '../workbench/fakes.ts';

/** C-Abstractor (flexible, M = 9) and resampler (M = 9), on 6 × 6 patches; with a D-Abstractor of `tokens` on demand. */
function manifest(tokens?: number) {
	const fake = fakeManifest('mini');
	if (tokens === undefined) return fake;
	const deformable = {
		...fake.projectors.resampler!,
		type: 'd-abs',
		title: 'D-Abstractor',
		token_places: 'grid' as const
	};
	return {
		...fake,
		projectors: { ...fake.projectors, 'd-abs': { ...deformable, num_query_tokens: tokens } }
	};
}

describe('columns', () => {
	test('begin with a projector that keeps places against one that does not', () => {
		expect(defaultColumns(manifest(9))).toEqual([{ projector: 'd-abs' }, { projector: 'resampler' }]);
	});

	test('begin at equal M where the second one can', () => {
		const { resampler, ...rest } = manifest(16).projectors;
		expect(resampler).toBeDefined();
		expect(defaultColumns({ ...manifest(16), projectors: rest })).toEqual([
			{ projector: 'd-abs' },
			{ projector: 'c-abs', tokens: 16 }
		]);
	});

	test('of one flexible projector are its M and the next smaller one', () => {
		const only = { ...manifest(), projectors: { 'c-abs': manifest().projectors['c-abs']! } };
		expect(defaultColumns(only)).toEqual([{ projector: 'c-abs' }, { projector: 'c-abs', tokens: 4 }]);
	});

	test('of another model begin at its projector’s own M, wherever they stand', () => {
		const only = { ...manifest(), projectors: { 'c-abs': manifest().projectors['c-abs']! } };
		expect(resolve({ model: 'golden' }, only, 1)).toMatchObject({ projector: 'c-abs', tokens: 9 });
		expect(resolve({}, only, 1)).toMatchObject({ projector: 'c-abs', tokens: 4 });
	});

	test('of one projector at one M are one column, and a further one is the same for another model', () => {
		const only = { ...manifest(), projectors: { resampler: manifest().projectors.resampler! } };
		expect(defaultColumns(only)).toEqual([{ projector: 'resampler' }]);
		expect(nextColumn([{ projector: 'resampler' }], only)).toEqual({ projector: 'resampler' });
	});

	test('of one flexible projector are never twice the same, however they came about', () => {
		const only = { ...manifest(), projectors: { 'c-abs': manifest().projectors['c-abs']! } };
		expect(nextColumn(defaultColumns(only), only)).toEqual({ projector: 'c-abs', tokens: 1 });
		// Those chosen for another model.
		const gone = ['d-abs', 'resampler', 'linear'].map((projector, place) =>
			resolve({ projector }, only, place)
		);
		expect(gone.map((column) => column?.tokens)).toEqual([9, 4, 1]);
	});

	test('say why there is nothing to compare', () => {
		const column = (model: ReturnType<typeof manifest>, projector: string) => ({
			subject: { manifest: model, entry: model.projectors[projector]!, tokens: 9 } as Subject
		});
		const only = { ...manifest(), projectors: { resampler: manifest().projectors.resampler! } };
		expect(nothingBeside([column(only, 'resampler')])).toBe(
			'A comparison needs two columns, and this model offers one: Resampler, M = 9; on the page Side by side it stands beside another model.'
		);
		expect(nothingBeside([column(manifest(), 'resampler')])).toBe(
			'A comparison needs two columns at least; name another projector or M.'
		);
		expect(nothingBeside([column(only, 'resampler'), column(only, 'resampler')])).toBeUndefined();
	});

	test('added ones show what is not shown yet', () => {
		const model = manifest(16);
		const columns = defaultColumns(model);
		expect(nextColumn(columns, model)).toEqual({ projector: 'c-abs', tokens: 16 });
		expect(nextColumn([...columns, { projector: 'c-abs' }], model)).toEqual({
			projector: 'c-abs',
			tokens: 4
		});
	});

	test('what another model does not offer becomes what it does', () => {
		const model = manifest();
		expect(projectorOrder(model)).toEqual(['resampler', 'c-abs']);
		expect(resolve({ projector: 'gone', tokens: 4 }, model, 1)).toMatchObject({
			projector: 'c-abs',
			tokens: 4
		});
		expect(resolve({ projector: 'resampler', tokens: 4 }, model, 0)).toMatchObject({
			tokens: 9,
			choices: [9]
		});
		expect(resolve({}, { ...model, projectors: {} }, 0)).toBeUndefined();
	});

	test('are remembered only as what they are', () => {
		expect(areColumns([{ projector: 'd-abs' }, { model: 'other', tokens: 4 }])).toBe(true);
		for (const wrong of [[], [{}, {}, {}, {}, {}], [{}, { tokens: 2.5 }], [{}, null], 'x'])
			expect(areColumns(wrong)).toBe(false);
		expect([0, 3].map(letterOf)).toEqual(['A', 'D']);
	});
});

describe('linked cursor', () => {
	const grids = [
		{ tokens: 9, patches: 36 },
		{ tokens: 9, patches: 36 },
		{ tokens: 36, patches: 144 },
		undefined,
		{ tokens: 10, patches: 36 }
	];

	test('keeps the token where grids agree', () => {
		expect(translate({ column: 0, token: 5, patch: 7 }, grids, 1)).toEqual({ column: 1, token: 5, patch: 7 });
	});

	test('finds the place where they differ', () => {
		// The middle of 3 × 3 is the middle of 6 × 6; patch (1, 1) of 6 × 6 begins at (3, 3) of 12 × 12.
		expect(translate({ column: 0, token: 4, patch: 7 }, grids, 2)).toEqual({
			column: 2,
			token: 21,
			patch: 39
		});
		expect(translate({ column: 2, token: 35, patch: 143 }, grids, 0)).toEqual({
			column: 0,
			token: 8,
			patch: 35
		});
	});

	test('shows nothing where there is no such place', () => {
		expect(translate({ column: 0, token: 5 }, grids, 3)).toEqual({ column: 3 });
		expect(translate({ column: 0, token: 5, patch: 2 }, grids, 4)).toEqual({ column: 4, patch: 2 });
		expect(translate({ column: 0, token: 99 }, grids, 1)).toEqual({ column: 1 });
	});
});

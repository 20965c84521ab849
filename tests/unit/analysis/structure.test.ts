import { describe, expect, it } from 'vitest';
import { tokenPatchMap } from '../../../src/lib/analysis/map.ts';
import { checkStructure, joinedPlaces, largestDifference } from '../../../src/lib/analysis/structure.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

describe('an architecture against a measurement', () => {
	const structure = tokenPatchMap(2, 4, Float32Array.of(0.5, 0.5, 0, 0, 0, 0, 0.5, 0.5));
	it('is exact where nothing outside moved', () => {
		const measured = tokenPatchMap(2, 4, Float32Array.of(1, 2, 0, 0, 0, 0, 4, 0));
		expect(checkStructure(structure, measured)).toEqual({
			...{ pairs: 8, tied: 4, moved: 3, outside: 0, largestOutside: 0 }
		});
	});
	it('tells how much moved outside', () => {
		const measured = tokenPatchMap(2, 4, Float32Array.of(1, 2, 0.5, 0, 0, 1, 4, 3));
		expect(checkStructure(structure, measured)).toMatchObject({ outside: 2, largestOutside: 0.25 });
	});
	it('needs the same tokens and patches', () => {
		expect(() => checkStructure(structure, tokenPatchMap(1, 4, new Float32Array(4)))).toThrow(InputError);
	});
});

describe('places that a token joins', () => {
	const mapOf = (columns: number, ...patches: readonly number[]) => {
		const data = new Float32Array(12);
		for (const patch of patches) data[patch] = 0.25;
		return tokenPatchMap(1, 12, data, { rows: 12 / columns, columns });
	};
	it('are patches that touch, on a grid of any shape', () => {
		expect(joinedPlaces(mapOf(6, 0, 1, 6, 7), 0)).toEqual([{ patches: [0, 1, 6, 7], x: 1 / 6, y: 0.5 }]);
		expect(joinedPlaces(mapOf(6, 0, 1, 3, 4), 0).map(({ x }) => x)).toEqual([1 / 6, 4 / 6]);
	});
	it('do not go on at the other edge of the picture', () => {
		expect(joinedPlaces(mapOf(4, 3, 4), 0)).toHaveLength(2);
		expect(joinedPlaces(mapOf(4), 0)).toEqual([]);
	});
});

it('differences are taken over the shorter row', () => {
	expect(largestDifference([1, 2], [1, 4, 9])).toEqual({ difference: 2, relative: 0.5 });
	expect(largestDifference([], [1])).toEqual({ difference: 0, relative: 0 });
});

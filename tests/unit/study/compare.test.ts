import { describe, expect, it } from 'vitest';
import { tokenLocalities } from '../../../src/lib/analysis/locality.ts';
import { tokenPatchMap } from '../../../src/lib/analysis/map.ts';
import {
	columnGrids,
	columnTimes,
	columnTokens,
	columnWords,
	coverDifference,
	tokenDifference
} from '../../../src/lib/study/compare.ts';

const label = (letter: string) => ({ name: `${letter}: C, M = 4`, colour: '#000000' });

/** Every token looks at the patches that are named for it, equally. */
function located(patches: number, ...tokens: (readonly number[])[]) {
	const values = Float32Array.from({ length: tokens.length * patches }, (_, i) =>
		Number(tokens[Math.floor(i / patches)]!.includes(i % patches))
	);
	const map = tokenPatchMap(tokens.length, patches, values);
	return {
		...{ map, label: 'Attention', unit: 'share', weighting: 'value' as const },
		localities: tokenLocalities(map, 'value', undefined)
	};
}

const four = located(4, [0], [1], [2], [3]);
const one = located(4, [0, 1, 2, 3]);

describe('maps side by side', () => {
	it('say why a column has none, and show none that means something else', () => {
		const other = { ...four, label: 'Response', unit: 'rms/rms' };
		const rows = columnGrids(four, [
			{ ...label('A'), shown: four, note: '' },
			{ ...label('B'), shown: other, note: 'Being computed…' },
			{ ...label('C'), shown: undefined, note: 'Stopped.' }
		]);
		expect(rows).toEqual({
			...{ label: 'Attention', unit: 'share' },
			columns: [
				{ ...label('A'), map: four.map },
				{ ...label('B'), note: 'Being computed…' },
				{ ...label('C'), note: 'Stopped.' }
			]
		});
	});

	it('follow a token to the same place whatever M is, with the column’s own place', () => {
		const columns = [
			{ ...label('A'), shown: undefined },
			{ ...label('B'), shown: four },
			{ ...label('C'), shown: one }
		];
		const { tokens } = columnTokens(four, columns, { token: 3, M: 4 });
		expect(tokens.map(({ column }) => column)).toEqual([1, 2]);
		expect(tokens.map(({ locality }) => locality)).toEqual([four.localities[3], one.localities[0]]);
	});
});

describe('a difference', () => {
	const [a, b] = [
		{ letter: 'A', ...four },
		{ letter: 'B', ...one }
	];

	it('of covers is of shares, so that M does not matter', () => {
		expect([...coverDifference(a, b).difference]).toEqual([0, 0, 0, 0]);
		const left = { letter: 'B', ...located(4, [0, 2]) };
		const { difference, ...words } = coverDifference(a, left);
		expect([...difference]).toEqual([-0.25, 0.25, -0.25, 0.25]);
		expect(words).toMatchObject({ a: 'A', b: 'B', unit: 'share' });
	});

	it('of a token is against the one at its place', () => {
		const rows = tokenDifference(a, b, 2)!;
		expect([...rows.difference]).toEqual([-0.25, -0.25, 0.75, -0.25]);
		expect([rows.a, rows.b]).toEqual(['A, token 2', 'B, token 0']);
		expect(tokenDifference(a, b, 4)).toBeUndefined();
	});

	it('needs the same patches', () => {
		const coarse = { letter: 'B', ...located(1, [0]) };
		for (const of of [() => coverDifference(a, coarse), () => tokenDifference(a, coarse, 0)])
			expect(of).toThrow('These columns see 4 and 1 patches');
	});
});

describe('times and scores side by side', () => {
	it('are by stage in the order in which they run', () => {
		const ms = {
			...{ vision: [1, 2], projector: [3, 4], prefill: [5, 6], first_token: [9, 12] },
			...{ decode_per_token: [], whole: [9, 12] }
		};
		const rows = columnTimes([{ ...label('A'), times: { ms, prompt_positions: 3 } }]);
		expect(rows.stages.map(({ title }) => title)).toEqual([
			...['Vision', 'Projector', 'Prefill', 'First token', 'Decoding']
		]);
		expect(rows.columns).toEqual([{ ...label('A'), times: [[1, 2], [3, 4], [5, 6], [9, 12], []] }]);
	});

	it('are the words of one answer, by those who scored it', () => {
		const score = { words: [], total: -1, tokens: 1, perplexity: 3 };
		const scores = {
			columns: [label('A'), label('B')],
			scores: [
				[score, undefined],
				[undefined, undefined]
			]
		};
		expect(columnWords(scores, 0)).toEqual({ source: label('A').name, columns: [{ ...label('A'), score }] });
		expect(columnWords(scores, 1)).toBeUndefined();
		expect(columnWords(scores, 2)).toBeUndefined();
	});
});

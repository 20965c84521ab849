import { describe, expect, expectTypeOf, it } from 'vitest';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { makeItem, type FigureStudy, type Work } from '../../../src/lib/study/figure-study.ts';
import {
	caveatOf,
	compareGridsStudy,
	compareTokensStudy,
	differenceMapStudy,
	scoreMatrixStudy,
	stageTimesStudy,
	tokenSimilarityStudy,
	wordScoresStudy
} from '../../../src/lib/study/side-by-side.ts';
import type { compareGrids } from '../../../src/lib/viz/compare-grids.ts';
import type { compareTokens } from '../../../src/lib/viz/compare-tokens.ts';
import type { differenceMap } from '../../../src/lib/viz/difference-map.ts';
import type { scoreMatrix } from '../../../src/lib/viz/score-matrix.ts';
import type { stageTimes } from '../../../src/lib/viz/stage-times.ts';
import type { tokenSimilarity } from '../../../src/lib/viz/token-similarity.ts';
import type { wordScores } from '../../../src/lib/viz/word-scores.ts';
import type { Figure } from '../../../src/lib/viz/figure.ts';
import type { FakeAnswerer } from '../../support/fake-answerer.ts';
import { comparedWork, workingModel } from '../../support/study-work.ts';

const make = <Measured, Rows>(
	study: FigureStudy<Measured, Rows>,
	work: Work,
	more: Partial<typeof standardChoices> = {}
) => makeItem(study, work, { ...standardChoices, ...more });

it('caveats are those of the models shown, named where they differ', () => {
	const model = (name: string, caveat?: string) =>
		({ name, provenance: { ...(caveat !== undefined && { caveat }) } }) as unknown as Parameters<
			typeof caveatOf
		>[0][number];
	expect(caveatOf([])).toBeNull();
	expect(caveatOf([model('a'), model('b')])).toBeNull();
	expect(caveatOf([model('a', 'A grid.'), model('a', 'A grid.')])).toBe('A grid.');
	expect(caveatOf([model('a', 'A grid.'), model('b', 'Captions.'), model('c')])).toBe(
		'a: A grid. b: Captions.'
	);
});

function two(): { readonly model: FakeAnswerer; readonly work: Work } {
	const model = workingModel();
	return {
		model,
		work: comparedWork(model, [
			['c-abs', 9],
			['c-abs', 4]
		])
	};
}

describe('figures of several columns', () => {
	it('have the rows that the figures draw', () => {
		type RowsOf<Study> = Study extends FigureStudy<infer _, infer Rows> ? Rows : never;
		type Drawn<F> = F extends Figure<infer Rows, infer _> ? Rows : never;
		expectTypeOf<RowsOf<typeof compareGridsStudy>>().toExtend<Drawn<typeof compareGrids>>();
		expectTypeOf<RowsOf<typeof compareTokensStudy>>().toExtend<Drawn<typeof compareTokens>>();
		expectTypeOf<RowsOf<typeof differenceMapStudy>>().toExtend<Drawn<typeof differenceMap>>();
		expectTypeOf<RowsOf<typeof tokenSimilarityStudy>>().toExtend<Drawn<typeof tokenSimilarity>>();
		expectTypeOf<RowsOf<typeof stageTimesStudy>>().toExtend<Drawn<typeof stageTimes>>();
		expectTypeOf<RowsOf<typeof scoreMatrixStudy>>().toExtend<Drawn<typeof scoreMatrix>>();
		expectTypeOf<RowsOf<typeof wordScoresStudy>>().toExtend<Drawn<typeof wordScores>>();
	});

	it('show every map, and say of which column and how', async () => {
		const { work } = two();
		const item = await make(compareGridsStudy, work);
		expect(item.rows).toMatchObject({ label: 'Response', unit: 'rms/rms' });
		expect(item.rows.columns.map(({ name, map }) => [name, map?.tokens])).toEqual([
			['A: C-Abstractor, M = 9', 9],
			['B: C-Abstractor, M = 4', 4]
		]);
		expect(item.provenance).toBe(
			'A: mini · C-Abstractor, M = 9 · i.png · fp32 on node; B: mini · C-Abstractor, M = 4 (not trained at this M) · i.png · fp32 on node'
		);
		expect(item.method).toMatch(/^gradient, K = 8 directions/);
	});

	it('show the token in the middle, or the chosen one, at its place in every column', async () => {
		const { work } = two();
		const { rows } = await make(compareTokensStudy, work);
		expect(rows.tokens.map(({ locality }) => locality)).toHaveLength(2);
		expect(rows.image).toEqual({ href: 'data:image/png;base64,AQ==', name: 'i.png', aspect: 1 });
		await expect(make(compareTokensStudy, work, { token: 9 })).rejects.toThrow('no token 9');
	});

	it('subtract the second column’s map from the first’s', async () => {
		const { work } = two();
		const cover = await make(differenceMapStudy, work);
		expect(cover.rows.difference.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 5);
		const token = await make(differenceMapStudy, work, { difference: 'token', token: 8 });
		expect([token.rows.a, token.rows.b]).toEqual(['A, token 8', 'B, token 3']);
		await expect(make(differenceMapStudy, work, { difference: 'token', token: 9 })).rejects.toThrow(
			'no token 9'
		);
	});

	it('compare the visual tokens themselves', async () => {
		const { rows, provenance } = await make(tokenSimilarityStudy, two().work);
		expect(rows).toMatchObject({ a: 'A', b: 'B', tokensA: 9, tokensB: 4 });
		expect(rows.cosine).toHaveLength(36);
		expect(provenance).toContain('; B: mini');
	});

	it('time all columns in turns', async () => {
		const { model, work } = two();
		const { rows, provenance, method } = await make(stageTimesStudy, { ...work, question: 'Why?' });
		expect(model.requests.slice(0, 3).map(({ tokens }) => tokens)).toEqual([undefined, 4, undefined]);
		expect(model.requests[0]!.turns[0]!.question).toBe('Why?');
		expect(rows.columns.map(({ times }) => times[0]!.length)).toEqual([5, 5]);
		expect(provenance).toContain('M = 9 · i.png · fp32 on node, 3 positions in the prompt');
		expect(method).toBe('median of 5 runs, quartiles');
	});

	it('ask every column, and let every column score every answer', async () => {
		const model = workingModel();
		const work = comparedWork(model, [
			['c-abs', 9],
			['resampler', 9]
		]);
		const done: string[] = [];
		const item = await makeItem(scoreMatrixStudy, work, standardChoices, {
			onProgress: (progress) => done.push(`${progress.done}/${progress.total}`)
		});
		expect(model.requests.map(({ projector }) => projector)).toEqual(['c-abs', 'resampler']);
		expect(item.rows.scores.map((row) => row.map((score) => score?.total))).toEqual([
			[-1, -2],
			[-1, -2]
		]);
		expect(done).toEqual(['1/6', '2/6', '3/6', '4/6', '5/6', '6/6']);
		const words = await make(wordScoresStudy, work, { source: 1 });
		expect(words.rows.source).toBe('B: Resampler, M = 9');
		await expect(make(wordScoresStudy, work, { source: 2 })).rejects.toThrow('0 to 1');
	});

	it('need two columns, and end with their signal', async () => {
		const model = workingModel();
		await expect(make(compareGridsStudy, comparedWork(model, [['c-abs', 9]]))).rejects.toThrow('two columns');
		await expect(make(stageTimesStudy, {})).rejects.toThrow('two or more projectors');
		const signal = AbortSignal.abort(new Error('Stopped.'));
		await expect(makeItem(scoreMatrixStudy, two().work, standardChoices, { signal })).rejects.toThrow(
			'Stopped.'
		);
		expect(model.requests).toEqual([]);
	});
});

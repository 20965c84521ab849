import { describe, expect, it } from 'vitest';
import {
	ablateVisualTokens,
	differentiateVisualTokens,
	type AnswerSequence,
	type LanguageRun
} from '../../../../src/lib/model/probes/language.ts';

/** Positions: text, three visual tokens, text; one answer token, of two words. */
const HIDDEN = 2;
const embeds = Float32Array.of(0, 0, 1, 0.5, -0.5, 2, 0.25, -1, 0, 0);
const weights = [0, 0.5, -1, 2, 0.3, 0.7, 1.5, -0.2, 0, 0];
const mean = Float32Array.of(0.25, 0.5);
const sequence: AnswerSequence = {
	...{ embeds, hidden: HIDDEN, answerStart: 5, answerIds: [0], mean },
	visual: [1, undefined, 3]
};
/** The logit of word 0 is linear in all embeddings; word 1 has 0. What comes before `from` is as it was. */
const run: LanguageRun = async ({ from, embeds: rest, logitPositions }) => {
	expect(logitPositions).toEqual([4 - from]);
	const all = Float32Array.from(embeds);
	all.set(rest, from * HIDDEN);
	const logit = all.reduce((sum, value, i) => sum + value * weights[i]!, 0);
	return { logits: { dtype: 'float32', dims: [1, 1, 2], data: Float32Array.of(logit, 0) } };
};

describe('influence by gradient', () => {
	it('is the gradient times what the token has beyond the mean', async () => {
		const progress: number[] = [];
		const { dims, data } = await differentiateVisualTokens(run, sequence, {
			onProgress: (done) => progress.push(done)
		});
		expect(dims).toEqual([1, 3]);
		const logit = embeds.reduce((sum, value, i) => sum + value * weights[i]!, 0);
		// d log softmax / d logit of word 0, times the weights, times token − mean.
		const slope = 1 - 1 / (1 + Math.exp(-logit));
		const beyond = (position: number) =>
			[0, 1].reduce((sum, i) => {
				const at = position * HIDDEN + i;
				return sum + weights[at]! * (embeds[at]! - mean[i]!);
			}, 0);
		expect(data[0]).toBeCloseTo(slope * beyond(1), 3);
		expect(data[2]).toBeCloseTo(slope * beyond(3), 3);
		// A deleted token has nothing to say.
		expect(data[1]).toBe(0);
		expect(progress).toEqual([1, 2, 3]);
	});

	it('is not ablation, which goes the whole way', async () => {
		const { data } = await ablateVisualTokens(run, sequence);
		const gradient = await differentiateVisualTokens(run, sequence);
		expect(Math.abs(data[0]! - gradient.data[0]!)).toBeGreaterThan(0.01);
		expect(Math.sign(data[0]!)).toBe(Math.sign(gradient.data[0]!));
	});

	it('can be stopped', async () => {
		const abort = new AbortController();
		const stopped = differentiateVisualTokens(run, sequence, {
			signal: abort.signal,
			onProgress: () => abort.abort()
		});
		await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
	});
});

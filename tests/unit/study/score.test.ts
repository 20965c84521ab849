import { describe, expect, it } from 'vitest';
import { fakeManifest } from '../workbench/fakes.ts';
import type { AnswerProbe } from '../../../src/lib/model/runtime/types.ts';
import { logProbabilityOf, scoreAnswer, wordsOf, writtenAnswer } from '../../../src/lib/study/score.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';

const seen = { projector: 'c-abs', tokens: 9, image: { id: 'i', name: 'i', bytes: new Uint8Array([1]) } };

function scorer() {
	const asked: AnswerProbe[] = [];
	const model = new FakeAnswerer('', {
		async score(request) {
			asked.push(request);
			return { ids: [5, 6], pieces: ['a ', 'bee'], log_probabilities: Float32Array.of(-0.5, -1) };
		}
	});
	return { model, asked };
}

describe('forced decoding', () => {
	it('takes the ids of the same model and the text of any other', async () => {
		const { model, asked } = scorer();
		const written = { model: 'mini', text: 'a bee', ids: [5, 6] };
		const scores = await scoreAnswer(model, 'mini', seen, 'What?', written);
		await scoreAnswer(model, 'other', seen, 'What?', written);
		const { image, ...choice } = seen;
		const turns = [{ question: 'What?', images: [image] }];
		expect(asked).toEqual([
			{ ...choice, turns, answer: { ids: [5, 6] } },
			{ ...choice, turns, answer: { text: 'a bee' } }
		]);
		expect(wordsOf(scores)).toMatchObject({ total: -1.5, words: [{ word: 'a' }, { word: 'bee' }] });
		expect(await logProbabilityOf(model, seen, 'What?', 'a bee')).toBe(-1.5);
	});

	it('leaves out the end token, and answers that say nothing', () => {
		const manifest = fakeManifest('mini');
		expect(writtenAnswer(answerResult('a', { ids: [5, 2] }), manifest)).toEqual({
			...{ model: 'mini', text: 'a', ids: [5] }
		});
		expect(writtenAnswer(answerResult(' ', { ids: [5, 2] }), manifest)).toBeUndefined();
	});

	it('asks nothing once it is stopped', async () => {
		const { model, asked } = scorer();
		const signal = AbortSignal.abort(new Error('Stopped.'));
		await expect(logProbabilityOf(model, seen, 'What?', 'a', { signal })).rejects.toThrow('Stopped.');
		await expect(
			scoreAnswer(model, 'mini', seen, 'What?', { model: 'mini', text: 'a', ids: [1] }, { signal })
		).rejects.toThrow('Stopped.');
		expect(asked).toEqual([]);
	});
});

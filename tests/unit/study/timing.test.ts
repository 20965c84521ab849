import { describe, expect, it } from 'vitest';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { TIMED_RUNS, TIMED_TOKENS, timeStages } from '../../../src/lib/study/timing.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';

const image = { id: 'i', name: 'i.png', bytes: new Uint8Array([1]) };

/** A model whose prefill takes 10 ms more in each run. */
function slowing(ids: readonly number[] = [5, 6, 7]) {
	let runs = 0;
	return new FakeAnswerer(() => {
		const prefill = 10 * runs++;
		const timings_ms = { vision: 1, projector: 2, prefill, decode: 8 };
		const result = answerResult('a', { ids, timings_ms, prompt_ids: [1, -1, 2, 3] });
		return [{ type: 'done' as const, result }];
	});
}

describe('warm times', () => {
	it('are of every run but the first, by stage', async () => {
		const [times] = await timeStages([
			{ answerer: slowing(), projector: 'c-abs', tokens: 16, image, question: 'Q?' }
		]);
		expect(times).toEqual({
			ms: {
				vision: [1, 1, 1, 1, 1],
				projector: [2, 2, 2, 2, 2],
				prefill: [10, 20, 30, 40, 50],
				first_token: [13, 23, 33, 43, 53],
				decode_per_token: [4, 4, 4, 4, 4],
				whole: [21, 31, 41, 51, 61]
			},
			prompt_positions: 4
		});
		const one = slowing([2]);
		const [end] = await timeStages([{ answerer: one, projector: 'c-abs', image, question: 'Q?' }]);
		expect(end!.ms.decode_per_token, 'nothing is decoded after an end token').toEqual([]);
		expect(end!.ms.whole).toHaveLength(TIMED_RUNS);
	});

	it('are of greedy answers that take nothing from caches', async () => {
		const model = slowing();
		await timeStages([{ answerer: model, projector: 'c-abs', tokens: 16, image, question: 'Q?' }]);
		expect(model.requests).toHaveLength(TIMED_RUNS + 1);
		for (const request of model.requests)
			expect(request).toEqual({
				...{ projector: 'c-abs', tokens: 16, turns: [{ question: 'Q?', images: [image] }], cold: true },
				sampling: { ...greedy, max_new_tokens: TIMED_TOKENS }
			});
	});

	it('go round all targets, so that what else the machine does falls on all alike', async () => {
		const order: string[] = [];
		const model = (name: string) =>
			new FakeAnswerer(() => {
				order.push(name);
				return [{ type: 'done' as const, result: answerResult('a') }];
			});
		const progress: string[] = [];
		const targets = [
			{ answerer: model('a'), projector: 'c-abs', image, question: 'Q?' },
			{ answerer: model('b'), projector: 'resampler', tokens: 9, image, question: 'Q?' }
		];
		const times = await timeStages(targets, {
			onProgress: ({ done, total }) => progress.push(`${done}/${total}`)
		});
		expect(times).toHaveLength(2);
		expect(order).toEqual(Array.from({ length: TIMED_RUNS + 1 }, () => ['a', 'b']).flat());
		expect(progress).toEqual(Array.from({ length: 13 }, (_, i) => `${i}/12`));
	});

	it('end with the signal; an answer that something else stopped is no time', async () => {
		const abort = new AbortController();
		const model = slowing();
		const timing = timeStages([{ answerer: model, projector: 'c-abs', image, question: 'Q?' }], {
			signal: abort.signal,
			onProgress: ({ done }) => done === 2 && abort.abort(new Error('Stopped.'))
		});
		await expect(timing).rejects.toThrow('Stopped.');
		expect(model.requests).toHaveLength(2);
		const cut = new FakeAnswerer(() => [
			{ type: 'done', result: answerResult('a', { stop_reason: 'cancelled' }) }
		]);
		await expect(timeStages([{ answerer: cut, projector: 'c-abs', image, question: 'Q?' }])).rejects.toThrow(
			'stopped by something else'
		);
	});
});

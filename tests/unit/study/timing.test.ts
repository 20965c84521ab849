import { describe, expect, it } from 'vitest';
import type { AnswerRequest } from '../../../src/lib/model/runtime/types.ts';
import { TIMED_RUNS, TIMED_TOKENS, timeStages } from '../../../src/lib/study/timing.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';

const image = { id: 'i', name: 'i.png', bytes: new Uint8Array([1]) };
const isFlush = ({ raw_prompt }: AnswerRequest) => raw_prompt !== undefined;

/** A model whose prefill takes 10 ms more in each run that is asked a question. */
function slowing(ids: readonly number[] = [5, 6, 7]) {
	let runs = 0;
	return new FakeAnswerer((request) => {
		const prefill = isFlush(request) ? 999 : 10 * runs++;
		const timings_ms = { vision: 1, projector: 2, prefill, decode: 8 };
		const result = answerResult('a', { ids, timings_ms, prompt_ids: [1, -1, 2, 3], cached_positions: 1 });
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
			prompt_positions: 4,
			cached_positions: 1
		});
		const one = slowing([2]);
		const [end] = await timeStages([{ answerer: one, projector: 'c-abs', image, question: 'Q?' }]);
		expect(end!.ms.decode_per_token, 'nothing is decoded after an end token').toEqual([]);
		expect(end!.ms.whole).toHaveLength(TIMED_RUNS);
	});

	it('take nothing from caches: another prompt comes between, and the image has a new name each time', async () => {
		const model = slowing();
		const target = { answerer: model, projector: 'c-abs', tokens: 16, image, question: 'Q?' };
		await timeStages([target]);
		await timeStages([target]);
		expect(model.requests.map(isFlush)).toEqual(
			Array.from({ length: 4 * (TIMED_RUNS + 1) }, (_, i) => i % 2 === 0)
		);
		const asked = model.requests.filter((request) => !isFlush(request));
		const ids = asked.map(({ turns }) => turns[0]!.images[0]!.id);
		expect(new Set(ids).size).toBe(ids.length);
		for (const request of asked)
			expect(request).toMatchObject({
				...{ projector: 'c-abs', tokens: 16, turns: [{ question: 'Q?', images: [{ bytes: image.bytes }] }] },
				sampling: { temperature: 0, max_new_tokens: TIMED_TOKENS }
			});
		expect(model.requests[0]).toMatchObject({ projector: 'c-abs', sampling: { max_new_tokens: 1 } });
	});

	it('go round all targets, so that what else the machine does falls on all alike', async () => {
		const order: string[] = [];
		const model = (name: string) =>
			new FakeAnswerer((request) => {
				order.push(`${name}${isFlush(request) ? '-' : ''}`);
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
		expect(order).toEqual(Array.from({ length: TIMED_RUNS + 1 }, () => ['a-', 'a', 'b-', 'b']).flat());
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
		expect(model.requests).toHaveLength(4);
		const cut = new FakeAnswerer(() => [
			{ type: 'done', result: answerResult('a', { stop_reason: 'cancelled' }) }
		]);
		await expect(timeStages([{ answerer: cut, projector: 'c-abs', image, question: 'Q?' }])).rejects.toThrow(
			'stopped by something else'
		);
	});
});

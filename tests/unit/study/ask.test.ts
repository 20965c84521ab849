import { describe, expect, expectTypeOf, it } from 'vitest';
import type { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import type { AnswerEvent, AnswerRequest } from '../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import type { Answerer } from '../../../src/lib/study/answerer.ts';
import { ask, drain } from '../../../src/lib/study/ask.ts';
import type { ModelClient } from '../../../src/lib/workbench/session/client.ts';
import type { ModelClient as WorkerClient } from '../../../src/workers/model/client.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';

const request: AnswerRequest = { projector: 'c-abs', turns: [], raw_prompt: '.', sampling: greedy };
const done = (text: string, stop_reason: 'eos' | 'cancelled' = 'eos'): AnswerEvent => ({
	type: 'done',
	result: answerResult(text, { stop_reason })
});

it('takes the model in Node and the client of the worker for the same thing', () => {
	expectTypeOf<HoneybeeModel>().toExtend<Answerer>();
	expectTypeOf<ModelClient>().toExtend<Answerer>();
	expectTypeOf<WorkerClient>().toExtend<ModelClient>();
});

describe('ask', () => {
	it('gives the result, tells stages and the text as it grows, and hands the signal on', async () => {
		const model = new FakeAnswerer(() => [
			{ type: 'stage', stage: 'prefill' },
			{ type: 'token', id: 1, text: 'A' },
			{ type: 'token', id: 2, text: 'A bee' },
			done('A bee')
		]);
		const { signal } = new AbortController();
		const texts: string[] = [];
		const stages: string[] = [];
		const result = await ask(model, request, {
			signal,
			onText: (text) => texts.push(text),
			onStage: (stage) => stages.push(stage)
		});
		expect(result.text).toBe('A bee');
		expect(texts).toEqual(['A', 'A bee']);
		expect(stages).toEqual(['prefill']);
		expect(model.requests).toEqual([request]);
		expect(model.controls[0]?.signal).toBe(signal);
	});

	it('rejects with the reason when it was aborted, and asks nothing when that was before', async () => {
		const abort = new AbortController();
		const model = new FakeAnswerer(function* () {
			abort.abort(new Error('Enough.'));
			yield done('A b', 'cancelled');
		});
		await expect(ask(model, request, { signal: abort.signal })).rejects.toThrow('Enough.');
		await expect(ask(model, request, { signal: abort.signal })).rejects.toThrow('Enough.');
		expect(model.requests).toHaveLength(1);
	});

	it('takes no text that something else cut off for an answer', async () => {
		const model = new FakeAnswerer(() => [done('A b', 'cancelled')]);
		await expect(ask(model, request)).rejects.toThrow('stopped by something else');
		expect((await drain(model, request)).text).toBe('A b');
	});

	it('rejects when the events end without a result, and with what the model throws', async () => {
		await expect(ask(new FakeAnswerer(() => [{ type: 'token', id: 1, text: 'A' }]), request)).rejects.toThrow(
			'before it was whole'
		);
		const failing = new FakeAnswerer(() => {
			throw new Error('The device was lost.');
		});
		await expect(ask(failing, request)).rejects.toThrow('The device was lost.');
	});
});

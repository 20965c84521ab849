import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { BackendError } from '../../../../src/lib/model/runtime/backend.ts';
import type { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import type { AnswerEvent, AnswerRequest } from '../../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../../src/lib/model/runtime/sampling.ts';
import { probes, type Answerer } from '../../../../src/lib/study/answerer.ts';
import { drain } from '../../../../src/lib/study/ask.ts';
import type { Control } from '../../../../src/lib/study/control.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import type { ModelClient } from '../../../../src/workers/model/client.ts';
import { answerResult } from '../../../support/fake-answerer.ts';
import { linked, type Link, type PartOfModel } from '../../../support/worker-link.ts';

const image = { id: 'x', name: 'x.png', bytes: new Uint8Array([1]) };
const traced = { projector: 'c-abs', image };
const asked: AnswerRequest = { projector: 'c-abs', turns: [], sampling: greedy };
const location = { kind: 'opfs', name: 'fake' } as const;

const links: Link[] = [];
afterEach(() => links.splice(0).forEach((link) => link.close()));

async function loaded(model: PartOfModel): Promise<Link> {
	const link = linked(() => model);
	links.push(link);
	await link.client.load({ location, backend: 'auto' });
	return link;
}

async function* events(...all: AnswerEvent[]): AsyncGenerator<AnswerEvent, void, void> {
	yield* all;
}
const done = (text: string): AnswerEvent => ({ type: 'done', result: answerResult(text) });

/** Work that ends when it is aborted, as a probe does, and says when it has begun. */
function endless() {
	const begun = Promise.withResolvers<Control>();
	const work = (_: unknown, control: Control = {}) => {
		begun.resolve(control);
		return new Promise<never>((_resolve, reject) => {
			control.signal?.addEventListener('abort', () => reject(control.signal!.reason as Error));
		});
	};
	return { begun: begun.promise, work };
}

describe('the client of the model worker', () => {
	it('has every probe of the table as a method, with the types of the model', () => {
		const { client } = linked(() => ({}));
		for (const name of probes) {
			expect(client[name]).toBeTypeOf('function');
			expectTypeOf<ModelClient[typeof name]>()
				.parameter(0)
				.toEqualTypeOf<Parameters<Answerer[typeof name]>[0]>();
		}
		expectTypeOf<ModelClient['locality']>().returns.toEqualTypeOf<ReturnType<HoneybeeModel['locality']>>();
		expectTypeOf<ModelClient['lens']>().parameter(0).toEqualTypeOf<Parameters<HoneybeeModel['lens']>[0]>();
	});

	it.each(probes)('runs %s with its request, its progress and its signal', async (name) => {
		const { begun, work } = endless();
		const { client } = await loaded({ [name]: work });
		const stop = new AbortController();
		const progress: unknown[] = [];
		const request = { ...traced, words: 3 } as never;
		const control = { signal: stop.signal, onProgress: (step: unknown) => progress.push(step) };
		const running = (client[name] as (request: never, control: Control) => Promise<unknown>)(
			request,
			control
		);
		(await begun).onProgress?.({ done: 1, total: 3 });
		await vi.waitFor(() => expect(progress).toEqual([{ done: 1, total: 3 }]));
		const why = new Error('another one is wanted');
		stop.abort(why);
		await expect(running).rejects.toBe(why);
		expect(client.state.status).toBe('ready');
	});

	it('stops one call and none of the others', async () => {
		const { begun, work } = endless();
		const trace = Promise.withResolvers<Record<string, never>>();
		const { client } = await loaded({ locality: work, trace: () => trace.promise });
		const stop = new AbortController();
		const stopped = client.locality({ ...traced, method: 'occlusion' }, { signal: stop.signal });
		const other = client.trace(traced);
		await begun;
		stop.abort();
		await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
		trace.resolve({});
		expect(await other).toEqual({});
	});
});

describe('an error of a call', () => {
	it('of its own code, or for its request, leaves the model as usable as before', async () => {
		const thrown = [new TypeError('undefined is no function'), new InputError('There is no layer 9.')];
		const link = await loaded({
			trace: () => Promise.reject(thrown.shift()!),
			answer: () => events(done('A bee.'))
		});
		const { client } = link;
		await expect(client.trace(traced)).rejects.toThrow('undefined is no function');
		expect(client.state.status).toBe('ready');
		await expect(client.trace(traced)).rejects.toThrow(InputError);
		expect(client.state.status).toBe('ready');
		expect((await drain(client, asked)).text).toBe('A bee.');
		expect(link.started).toBe(1);
	});

	it('of an answer, too', async () => {
		let failed = false;
		const { client } = await loaded({
			async *answer() {
				if (!failed) {
					failed = true;
					throw new RangeError('Invalid array length');
				}
				yield done('A bee.');
			}
		});
		await expect(drain(client, asked)).rejects.toThrow('Invalid array length');
		expect(client.state.status).toBe('ready');
		expect((await drain(client, asked)).text).toBe('A bee.');
	});

	it('of the backend ends the worker, and with it whatever waits; a restart starts another', async () => {
		const { begun, work } = endless();
		const link = await loaded({
			locality: work,
			trace: () => Promise.reject(new BackendError('std::bad_alloc')),
			answer: () => events(done('A bee.'))
		});
		const { client } = link;
		const waiting = client.locality({ ...traced, method: 'occlusion' });
		await begun;
		const failing = client.trace(traced);
		await expect(failing).rejects.toThrow(BackendError);
		await expect(waiting).rejects.toThrow('std::bad_alloc');
		expect(client.state).toEqual({ status: 'failed', reason: 'crash', message: 'std::bad_alloc' });
		await expect(drain(client, asked)).rejects.toThrow('std::bad_alloc');
		await client.restart();
		expect(link.started).toBe(2);
		expect((await drain(client, asked)).text).toBe('A bee.');
	});

	it('of the backend ends the worker also when the call was stopped meanwhile', async () => {
		const { begun, work } = endless();
		const stop = new AbortController();
		const link = await loaded({
			locality: (...args) => work(...args).catch(() => Promise.reject(new BackendError('std::bad_alloc')))
		});
		const stopped = link.client.locality({ ...traced, method: 'occlusion' }, { signal: stop.signal });
		await begun;
		stop.abort();
		await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
		expect(link.client.state).toMatchObject({ status: 'failed', message: 'std::bad_alloc' });
	});

	it('of the backend within an answer ends the worker', async () => {
		const { client } = await loaded({
			async *answer() {
				yield { type: 'stage', stage: 'prefill' };
				throw new BackendError('values that are not numbers');
			}
		});
		await expect(drain(client, asked)).rejects.toThrow(BackendError);
		expect(client.state).toMatchObject({ status: 'failed', reason: 'crash' });
	});

	it('of the device, which nobody waits for, fails every call with its reason', async () => {
		const { begun, work } = endless();
		const link = await loaded({ locality: work });
		const waiting = link.client.locality({ ...traced, method: 'occlusion' });
		await begun;
		link.fail({ reason: 'device-lost', message: 'The graphics device was lost; restart the model.' });
		await expect(waiting).rejects.toThrow('The graphics device was lost');
		expect(link.client.state).toMatchObject({ status: 'failed', reason: 'device-lost' });
	});
});

// @vitest-environment runes
import { describe, expect, test } from 'vitest';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { Session, type SessionParts } from '../../../../src/lib/workbench/session/session.svelte.ts';
import { FakeClient, fakeImage, FakeMemory, fakeResult, settle } from '../fakes.ts';

const models = ['mini', 'other'].map((name) => ({
	name,
	title: name,
	location: { kind: 'url', url: `http://site/models/${name}/` } as const
}));

function make(more: Partial<SessionParts> = {}) {
	const client = new FakeClient();
	const memory = new FakeMemory();
	const session = new Session({
		client,
		memory,
		listModels: async () => models,
		sampleScenes: async () => [fakeImage('scene', ['How many cats?'])],
		openImage: async (_file, name) => fakeImage(name),
		...more
	});
	return { client, memory, session };
}

async function started(more: Partial<SessionParts> = {}) {
	const made = make(more);
	await made.session.start();
	return made;
}

const file = (name: string) => new File(['x'], name);

describe('model', () => {
	test('the first model is loaded at the start, with its first projector and that projector’s own M', async () => {
		const { client, session } = await started();
		expect(client.loads.map((load) => load.location)).toEqual([models[0]?.location]);
		expect(session.worker.status).toBe('ready');
		expect(session.projector).toBe('c-abs');
		expect(session.tokens).toBe(9);
		expect(session.tokenChoices).toEqual([1, 4, 9, 16, 25, 36]);
	});

	test('model, projector, M and backend are remembered for the next visit', async () => {
		const { memory, session } = await started();
		await session.chooseModel('other');
		session.chooseTokens(16);
		session.chooseProjector('resampler');
		await session.chooseBackend('wasm');

		const next = await started({ memory });
		expect(next.session.model).toBe('other');
		expect(next.client.loads[0]).toMatchObject({ backend: 'wasm', projector: 'resampler' });
		expect(next.session.projector).toBe('resampler');
		expect(next.session.tokens).toBe(9);
		next.session.chooseProjector('c-abs');
		expect(next.session.tokens).toBe(16);
	});

	test('a remembered M the projector no longer offers is forgotten', async () => {
		const memory = new FakeMemory();
		memory.setItem('honeybee.tokens.mini.c-abs', '10');
		memory.setItem('honeybee.model', '"gone"');
		const { session } = await started({ memory });
		expect(session.model).toBe('mini');
		expect(session.tokens).toBe(9);
	});

	test('the address forces the backend without changing what is remembered', async () => {
		const { client, memory } = await started({ forcedBackend: 'webgpu' });
		expect(client.loads[0]?.backend).toBe('webgpu');
		expect(memory.map.has('honeybee.backend')).toBe(false);
	});

	test('no model: nothing is loaded and a question is refused in a sentence', async () => {
		const { client, session } = await started({ listModels: async () => [] });
		expect(client.loads).toEqual([]);
		await session.ask('Anyone there?');
		expect(session.promptError).toBe('There is no model to ask yet.');
		expect(session.exchanges).toEqual([]);
	});

	test('a list that cannot be read is told', async () => {
		const { session } = await started({
			listModels: async () => Promise.reject(new Error('models/index.json is not valid JSON.'))
		});
		expect(session.modelsError).toBe('models/index.json is not valid JSON.');
		expect(session.models).toEqual([]);
	});

	test('a failed load leaves the page usable: the next load works and questions are answered', async () => {
		const made = make();
		made.client.loadError = 'The file w is damaged.';
		await made.session.start();
		expect(made.session.worker).toEqual({
			status: 'failed',
			reason: 'load',
			message: 'The file w is damaged.'
		});
		await made.session.ask('Hello?');
		expect(made.session.exchanges[0]?.error).toBe('The file w is damaged.');

		await made.session.restart();
		expect(made.session.worker.status).toBe('ready');
		const exchange = made.session.exchanges[0]!;
		const asking = made.session.retry(exchange);
		await settle();
		made.client.send({ type: 'done', result: fakeResult('Hello.') });
		await asking;
		expect(exchange.text).toBe('Hello.');
		expect(exchange.error).toBeUndefined();
	});
});

describe('images', () => {
	test('the first sample scene is the image until another is put in', async () => {
		const { session } = await started();
		expect(session.image?.id).toBe('scene');
		await session.putFiles([file('a.png'), file('b.png')]);
		expect(session.image?.id).toBe('b.png');
		expect(session.images.map((image) => image.id)).toEqual(['b.png', 'a.png']);
	});

	test('an image put in before the scenes are there stays', async () => {
		const scenes = Promise.withResolvers<ReturnType<typeof fakeImage>[]>();
		const { session } = make({ sampleScenes: () => scenes.promise });
		const start = session.start();
		await session.putFiles([file('a.png')]);
		scenes.resolve([fakeImage('scene')]);
		await start;
		expect(session.image?.id).toBe('a.png');
	});

	test('the same image twice is one image of the history', async () => {
		const { session } = await started();
		await session.putFiles([file('a.png'), file('b.png'), file('a.png')]);
		expect(session.image?.id).toBe('a.png');
		expect(session.images).toHaveLength(2);
	});

	test('a sample scene stays among the samples; the same picture as a file goes into the history', async () => {
		const { session } = await started();
		session.putImage(session.scenes![0]!);
		expect(session.images).toEqual([]);
		await session.putFiles([file('scene')]);
		expect(session.images.map((image) => image.name)).toEqual(['scene.png']);
		expect(session.image).toBe(session.images[0]);
	});

	test('a file that is no image is told beside the picker and changes nothing else', async () => {
		const { session } = await started({
			openImage: async (_file, name) => {
				if (name.endsWith('.txt')) throw new InputError(`“${name}” is not a picture.`);
				return fakeImage(name);
			}
		});
		await session.putFiles([file('a.png')]);
		await session.putFiles([file('notes.txt')]);
		expect(session.imageError).toBe('“notes.txt” is not a picture.');
		expect(session.image?.id).toBe('a.png');
		await session.putFiles([file('b.png')]);
		expect(session.imageError).toBeUndefined();
	});
});

describe('conversation', () => {
	test('an answer streams in and ends with how it was made', async () => {
		const { client, session } = await started();
		const asking = session.ask('  How many cats?  ');
		await settle();
		const exchange = session.exchanges[0]!;
		expect(client.requests[0]).toEqual({
			projector: 'c-abs',
			turns: [
				{
					question: 'How many cats?',
					images: [{ id: 'scene', name: 'scene.png', bytes: new Uint8Array([1]) }]
				}
			],
			sampling: { temperature: 0, top_k: 0, top_p: 1, seed: 0, max_new_tokens: 256, stop: [] }
		});
		client.send({ type: 'stage', stage: 'vision' });
		await settle();
		expect(exchange.stage).toBe('vision');
		client.send({ type: 'token', id: 5, text: 'Two' });
		await settle();
		expect(exchange.text).toBe('Two');
		expect(session.busy).toBe(true);
		client.send({ type: 'done', result: fakeResult('Two cats.') });
		await asking;
		expect(exchange.status).toBe('done');
		expect(exchange.text).toBe('Two cats.');
		expect(exchange.result?.timings_ms.prefill).toBe(3);
		expect(exchange.asked).toMatchObject({ model: 'mini', projectorTitle: 'C-Abstractor', tokens: 9 });
		expect(session.busy).toBe(false);
	});

	test('an M other than the projector’s own goes with the request', async () => {
		const { client, session } = await started();
		session.chooseTokens(25);
		await answer(session, client, 'Q', 'A');
		expect(client.requests[0]?.tokens).toBe(25);
	});

	test('an empty question is refused in a sentence', async () => {
		const { client, session } = await started();
		await session.ask(' \n ');
		expect(session.promptError).toBe('Type a question first.');
		expect(client.requests).toEqual([]);
	});

	test('a second question is refused while an answer is written', async () => {
		const { client, session } = await started();
		const asking = session.ask('First?');
		await settle();
		await session.ask('Second?');
		expect(session.promptError).toMatch(/^An answer is still being written/);
		expect(session.exchanges).toHaveLength(1);
		client.send({ type: 'done', result: fakeResult('Yes.') });
		await asking;
	});

	test('a later question about the same image carries the turns before it, with the ids of the answers', async () => {
		const { client, session } = await started();
		await answer(session, client, 'One?', 'A');
		await answer(session, client, 'Two?', 'B');
		const turns = client.requests[1]?.turns;
		expect(turns?.map((turn) => [turn.question, turn.images.length, turn.answer, turn.answer_ids])).toEqual([
			['One?', 1, 'A', [65]],
			['Two?', 0, undefined, undefined]
		]);
	});

	test('context: this image, everything, nothing', async () => {
		const { client, session } = await started();
		const [a, b] = [fakeImage('a'), fakeImage('b')];
		session.putImage(a);
		await answer(session, client, 'a1?', 'x');
		session.putImage(b);
		await answer(session, client, 'b1?', 'y');
		session.putImage(a);
		await answer(session, client, 'a2?', 'z');
		expect(client.requests.map(shape)).toEqual([['a1?:a'], ['b1?:b'], ['a1?:a', 'a2?:']]);
		session.context = 'all';
		await answer(session, client, 'a3?', 'z');
		expect(shape(client.requests[3])).toEqual(['a1?:a', 'b1?:b', 'a2?:a', 'a3?:']);
		session.context = 'none';
		await answer(session, client, 'a4?', 'z');
		expect(shape(client.requests[4])).toEqual(['a4?:a']);
	});

	test('ids of another model’s answer are left out, its text is kept', async () => {
		const { client, session } = await started();
		await answer(session, client, 'One?', 'A');
		await session.chooseModel('other');
		await answer(session, client, 'Two?', 'B');
		expect(client.requests[1]?.turns[0]).toMatchObject({ answer: 'A' });
		expect(client.requests[1]?.turns[0]).not.toHaveProperty('answer_ids');
	});

	test('stop keeps what there is; retry asks again with the projector chosen now', async () => {
		const { client, session } = await started();
		const asking = session.ask('Long?');
		await settle();
		client.send({ type: 'token', id: 1, text: 'so fa' });
		await settle();
		await session.stop();
		await asking;
		const exchange = session.exchanges[0]!;
		expect(client.cancels).toBe(1);
		expect(exchange.text).toBe('so fa');
		expect(exchange.result?.stop_reason).toBe('cancelled');

		session.chooseProjector('resampler');
		const again = session.retry(exchange);
		await settle();
		expect(exchange.text).toBe('');
		expect(client.requests[1]).toMatchObject({ projector: 'resampler', turns: [{ question: 'Long?' }] });
		client.send({ type: 'done', result: fakeResult('Whole.') });
		await again;
		expect(exchange.text).toBe('Whole.');
		expect(session.exchanges).toHaveLength(1);
	});

	test('stop aborts the chat’s own answer: every question has a signal of its own', async () => {
		const { client, session } = await started();
		for (const question of ['Long?', 'Longer?']) {
			const asking = session.ask(question);
			await settle();
			expect(client.signals.at(-1)?.aborted).toBe(false);
			await session.stop();
			await asking;
		}
		const [first, second] = client.signals;
		expect(first).not.toBe(second);
		expect([first?.aborted, second?.aborted]).toEqual([true, true]);
		await answer(session, client, 'Short?', 'Whole.');
		expect(client.signals[2]?.aborted).toBe(false);
		expect(session.exchanges[2]?.text).toBe('Whole.');
	});

	test('a question asked while the model loads waits for it, and can be stopped before', async () => {
		const { promise: gate, resolve: open } = Promise.withResolvers<void>();
		const { client, session } = make();
		client.gate = gate;
		const start = session.start();
		await settle();
		const first = session.ask('Early?');
		await settle();
		expect(session.exchanges[0]?.status).toBe('waiting');
		await session.stop();
		expect(session.exchanges[0]?.status).toBe('failed');
		expect(session.busy).toBe(false);
		const second = session.ask('Patient?');
		open();
		await start;
		await first;
		await settle();
		expect(client.requests.map(shape)).toEqual([['Patient?:scene']]);
		client.send({ type: 'done', result: fakeResult('Yes.') });
		await second;
		expect(session.exchanges[1]?.text).toBe('Yes.');
	});

	test('a refused request is told under its question, and the next one works', async () => {
		const { client, session } = await started();
		const asking = session.ask('Too long');
		await settle();
		client.refuse('The prompt has 200 positions, more than the 128 of this model; ask a shorter question.');
		await asking;
		expect(session.exchanges[0]?.error).toMatch(/^The prompt has 200 positions/);
		await answer(session, client, 'Short?', 'Yes.');
		expect(session.exchanges[1]?.text).toBe('Yes.');
		expect(client.requests.map(shape).at(-1)).toEqual(['Short?:scene']);
	});

	test('a crash ends the open answer at once; a restart goes on with it, the conversation before it replayed', async () => {
		const { client, session } = await started();
		await answer(session, client, 'One?', 'A');
		void session.ask('Two?');
		await settle();
		client.send({ type: 'token', id: 1, text: 'Half' });
		await settle();
		client.set({ status: 'failed', reason: 'device-lost', message: 'The graphics device was lost.' });
		expect(session.busy).toBe(false);
		expect(session.exchanges[1]).toMatchObject({ status: 'failed', text: 'Half' });
		expect(session.exchanges[1]?.error).toBe('The graphics device was lost.');

		await session.restart();
		expect(client.restarts).toBe(1);
		expect(session.worker.status).toBe('ready');
		expect(session.exchanges.map((exchange) => exchange.question)).toEqual(['One?', 'Two?']);
		await settle();
		expect(client.requests.map(shape).slice(-2)).toEqual([
			['One?:scene', 'Two?:'],
			['One?:scene', 'Two?:']
		]);
		client.send({ type: 'done', result: fakeResult('B') });
		await settle();
		expect(session.exchanges[1]).toMatchObject({ status: 'done', text: 'B' });
		await answer(session, client, 'Three?', 'C');
		expect(client.requests.map(shape).at(-1)).toEqual(['One?:scene', 'Two?:', 'Three?:']);
	});

	test('another backend goes on with what was cut off, too; what was stopped by hand is not asked again', async () => {
		const { client, session } = await started();
		void session.ask('One?');
		await settle();
		client.set({ status: 'failed', reason: 'crash', message: 'out of memory' });
		await session.chooseBackend('wasm');
		await settle();
		expect(client.requests.map(shape)).toEqual([['One?:scene'], ['One?:scene']]);
		await session.stop();
		await settle();
		const asked = client.requests.length;
		await session.restart();
		await settle();
		expect(client.requests.length).toBe(asked);
	});

	test('dispose ends the worker and the subscription', async () => {
		const { client, session } = await started();
		session.dispose();
		expect(client.disposed).toBe(true);
		client.set({ status: 'idle' });
		expect(session.worker.status).toBe('ready');
	});
});

/** `question:images` of each turn. */
function shape(request: FakeClient['requests'][number] | undefined): string[] {
	return (request?.turns ?? []).map(
		({ question, images }) => `${question}:${images.map((image) => image.id).join('+')}`
	);
}

async function answer(session: Session, client: FakeClient, question: string, text: string): Promise<void> {
	const asking = session.ask(question);
	await settle();
	client.send({ type: 'done', result: fakeResult(text) });
	await asking;
}

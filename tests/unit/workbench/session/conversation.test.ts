// @vitest-environment runes
import { expect, test } from 'vitest';
import type { Conversation } from '../../../../src/lib/workbench/session/conversation.svelte.ts';
import { type FakeClient, fakeImage, fakeResult, makeSession, settle, startedSession } from '../fakes.ts';

test('an answer streams in and ends with how it was made', async () => {
	const { client, conversation } = await startedSession();
	const asking = conversation.ask('  How many cats?  ');
	await settle();
	const exchange = conversation.exchanges[0]!;
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
	expect(conversation.busy).toBe(true);
	client.send({ type: 'done', result: fakeResult('Two cats.') });
	await asking;
	expect(exchange.status).toBe('done');
	expect(exchange.text).toBe('Two cats.');
	expect(exchange.result?.timings_ms.prefill).toBe(3);
	expect(exchange.asked).toMatchObject({ model: 'mini', projectorTitle: 'C-Abstractor', tokens: 9 });
	expect(conversation.busy).toBe(false);
});

test('an M other than the projector’s own goes with the request', async () => {
	const { client, models, conversation } = await startedSession();
	models.chooseTokens(25);
	await answer(conversation, client, 'Q', 'A');
	expect(client.requests[0]?.tokens).toBe(25);
});

test('an empty question is refused in a sentence', async () => {
	const { client, conversation } = await startedSession();
	await conversation.ask(' \n ');
	expect(conversation.promptError).toBe('Type a question first.');
	expect(client.requests).toEqual([]);
});

test('a second question is refused while an answer is written', async () => {
	const { client, conversation } = await startedSession();
	const asking = conversation.ask('First?');
	await settle();
	await conversation.ask('Second?');
	expect(conversation.promptError).toMatch(/^An answer is still being written/);
	expect(conversation.exchanges).toHaveLength(1);
	client.send({ type: 'done', result: fakeResult('Yes.') });
	await asking;
});

test('a later question about the same image carries the turns before it, with the ids of the answers', async () => {
	const { client, conversation } = await startedSession();
	await answer(conversation, client, 'One?', 'A');
	await answer(conversation, client, 'Two?', 'B');
	const turns = client.requests[1]?.turns;
	expect(turns?.map((turn) => [turn.question, turn.images.length, turn.answer, turn.answer_ids])).toEqual([
		['One?', 1, 'A', [65]],
		['Two?', 0, undefined, undefined]
	]);
});

test('context: this image, everything, nothing', async () => {
	const { client, images, conversation } = await startedSession();
	const [a, b] = [fakeImage('a'), fakeImage('b')];
	images.put(a);
	await answer(conversation, client, 'a1?', 'x');
	images.put(b);
	await answer(conversation, client, 'b1?', 'y');
	images.put(a);
	await answer(conversation, client, 'a2?', 'z');
	expect(client.requests.map(shape)).toEqual([['a1?:a'], ['b1?:b'], ['a1?:a', 'a2?:']]);
	conversation.context = 'all';
	await answer(conversation, client, 'a3?', 'z');
	expect(shape(client.requests[3])).toEqual(['a1?:a', 'b1?:b', 'a2?:a', 'a3?:']);
	conversation.context = 'none';
	await answer(conversation, client, 'a4?', 'z');
	expect(shape(client.requests[4])).toEqual(['a4?:a']);
});

test('ids of another model’s answer are left out, its text is kept', async () => {
	const { client, models, conversation } = await startedSession();
	await answer(conversation, client, 'One?', 'A');
	await models.choose('other');
	await answer(conversation, client, 'Two?', 'B');
	expect(client.requests[1]?.turns[0]).toMatchObject({ answer: 'A' });
	expect(client.requests[1]?.turns[0]).not.toHaveProperty('answer_ids');
});

test('stop keeps what there is; retry asks again with the projector chosen now', async () => {
	const { client, models, conversation } = await startedSession();
	const asking = conversation.ask('Long?');
	await settle();
	client.send({ type: 'token', id: 1, text: 'so fa' });
	await settle();
	conversation.stop();
	await asking;
	const exchange = conversation.exchanges[0]!;
	expect(client.cancels).toBe(1);
	expect(exchange.text).toBe('so fa');
	expect(exchange.result?.stop_reason).toBe('cancelled');

	models.chooseProjector('resampler');
	const again = conversation.retry(exchange);
	await settle();
	expect(exchange.text).toBe('');
	expect(client.requests[1]).toMatchObject({ projector: 'resampler', turns: [{ question: 'Long?' }] });
	client.send({ type: 'done', result: fakeResult('Whole.') });
	await again;
	expect(exchange.text).toBe('Whole.');
	expect(conversation.exchanges).toHaveLength(1);
});

test('stop aborts the chat’s own answer: every question has a signal of its own', async () => {
	const { client, conversation } = await startedSession();
	for (const question of ['Long?', 'Longer?']) {
		const asking = conversation.ask(question);
		await settle();
		expect(client.signals.at(-1)?.aborted).toBe(false);
		conversation.stop();
		await asking;
	}
	const [first, second] = client.signals;
	expect(first).not.toBe(second);
	expect([first?.aborted, second?.aborted]).toEqual([true, true]);
	await answer(conversation, client, 'Short?', 'Whole.');
	expect(client.signals[2]?.aborted).toBe(false);
	expect(conversation.exchanges[2]?.text).toBe('Whole.');
});

test('a question asked while the model loads waits for it, and can be stopped before', async () => {
	const { promise: gate, resolve: open } = Promise.withResolvers<void>();
	const { client, session, conversation } = makeSession();
	client.gate = gate;
	const start = session.start();
	await settle();
	const first = conversation.ask('Early?');
	await settle();
	expect(conversation.exchanges[0]?.status).toBe('waiting');
	conversation.stop();
	expect(conversation.exchanges[0]?.status).toBe('failed');
	expect(conversation.busy).toBe(false);
	const second = conversation.ask('Patient?');
	open();
	await start;
	await first;
	await settle();
	expect(client.requests.map(shape)).toEqual([['Patient?:scene']]);
	client.send({ type: 'done', result: fakeResult('Yes.') });
	await second;
	expect(conversation.exchanges[1]?.text).toBe('Yes.');
});

test('a refused request is told under its question, and the next one works', async () => {
	const { client, conversation } = await startedSession();
	const asking = conversation.ask('Too long');
	await settle();
	client.refuse('The prompt has 200 positions, more than the 128 of this model; ask a shorter question.');
	await asking;
	expect(conversation.exchanges[0]?.error).toMatch(/^The prompt has 200 positions/);
	await answer(conversation, client, 'Short?', 'Yes.');
	expect(conversation.exchanges[1]?.text).toBe('Yes.');
	expect(client.requests.map(shape).at(-1)).toEqual(['Short?:scene']);
});

test('a crash ends the open answer at once; a restart goes on with it, the conversation before it replayed', async () => {
	const { client, models, conversation } = await startedSession();
	await answer(conversation, client, 'One?', 'A');
	void conversation.ask('Two?');
	await settle();
	client.send({ type: 'token', id: 1, text: 'Half' });
	await settle();
	client.set({ status: 'failed', reason: 'device-lost', message: 'The graphics device was lost.' });
	expect(conversation.busy).toBe(false);
	expect(conversation.exchanges[1]).toMatchObject({ status: 'failed', text: 'Half' });
	expect(conversation.exchanges[1]?.error).toBe('The graphics device was lost.');

	await models.restart();
	expect(client.restarts).toBe(1);
	expect(models.worker.status).toBe('ready');
	expect(conversation.exchanges.map((exchange) => exchange.question)).toEqual(['One?', 'Two?']);
	await settle();
	expect(client.requests.map(shape).slice(-2)).toEqual([
		['One?:scene', 'Two?:'],
		['One?:scene', 'Two?:']
	]);
	client.send({ type: 'done', result: fakeResult('B') });
	await settle();
	expect(conversation.exchanges[1]).toMatchObject({ status: 'done', text: 'B' });
	await answer(conversation, client, 'Three?', 'C');
	expect(client.requests.map(shape).at(-1)).toEqual(['One?:scene', 'Two?:', 'Three?:']);
});

test('another backend goes on with what was cut off, too; what was stopped by hand is not asked again', async () => {
	const { client, models, conversation } = await startedSession();
	void conversation.ask('One?');
	await settle();
	client.set({ status: 'failed', reason: 'crash', message: 'out of memory' });
	await models.chooseBackend('wasm');
	await settle();
	expect(client.requests.map(shape)).toEqual([['One?:scene'], ['One?:scene']]);
	conversation.stop();
	await settle();
	const asked = client.requests.length;
	await models.restart();
	await settle();
	expect(client.requests.length).toBe(asked);
});

/** `question:images` of each turn. */
function shape(request: FakeClient['requests'][number] | undefined): string[] {
	return (request?.turns ?? []).map(
		({ question, images }) => `${question}:${images.map((image) => image.id).join('+')}`
	);
}

async function answer(
	conversation: Conversation,
	client: FakeClient,
	question: string,
	text: string
): Promise<void> {
	const asking = conversation.ask(question);
	await settle();
	client.send({ type: 'done', result: fakeResult(text) });
	await asking;
}

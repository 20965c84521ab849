// @vitest-environment runes
import { expect, test } from 'vitest';
import { answerText } from '../../../../src/lib/workbench/chat/answer-text.ts';
import {
	conversationFile,
	readConversationFile
} from '../../../../src/lib/workbench/chat/conversation-file.ts';
import {
	exchangeOf,
	recordOf,
	type ExchangeRecord
} from '../../../../src/lib/workbench/chat/exchange-record.ts';
import { sentWords } from '../../../../src/lib/workbench/chat/sent.ts';
import type {
	Conversation,
	ConversationKeeping
} from '../../../../src/lib/workbench/session/conversation.svelte.ts';
import type { SessionImage } from '../../../../src/lib/workbench/session/images.ts';
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

test('a question stands alone until earlier ones are asked for; then they go along with the ids of their answers', async () => {
	const { client, conversation } = await startedSession();
	await answer(conversation, client, 'One?', 'A');
	await answer(conversation, client, 'Two?', 'B');
	expect(client.requests.map(shape)).toEqual([['One?:scene'], ['Two?:scene']]);
	expect(conversation.exchanges.map(sentWords)).toEqual(['Sent alone.', 'Sent alone.']);

	conversation.together = true;
	expect(conversation.earlier.map(({ question }) => question)).toEqual(['One?', 'Two?']);
	await answer(conversation, client, 'Three?', 'C');
	const turns = client.requests[2]?.turns;
	expect(turns?.map((turn) => [turn.question, turn.images.length, turn.answer, turn.answer_ids])).toEqual([
		['One?', 1, 'A', [65]],
		['Two?', 0, 'B', [66]],
		['Three?', 0, undefined, undefined]
	]);
	expect(sentWords(conversation.exchanges[2]!)).toBe(
		'Sent with 2\u00a0earlier questions and their answers: “One?”, “Two?”'
	);
});

test('only answers of the same model, projector, M and picture go along', async () => {
	const { client, models, images, conversation } = await startedSession();
	conversation.together = true;
	const sent = async (question: string) => {
		await answer(conversation, client, question, 'x');
		return shape(client.requests.at(-1));
	};
	images.put(fakeImage('a'));
	await sent('1');
	images.put(fakeImage('b'));
	expect(await sent('2')).toEqual(['2:b']);
	images.put(fakeImage('a'));
	expect(await sent('3')).toEqual(['1:a', '3:']);
	models.chooseProjector('resampler');
	expect(await sent('4')).toEqual(['4:a']);
	models.chooseProjector('c-abs');
	models.chooseTokens(25);
	expect(await sent('5')).toEqual(['5:a']);
	models.chooseTokens(9);
	await models.choose('other');
	expect(await sent('6')).toEqual(['6:a']);
	expect(sentWords(conversation.exchanges.at(-1)!)).toMatch(/^Sent alone: nothing before it was answered/);
	await models.choose('mini');
	expect(await sent('7')).toEqual(['1:a', '3:', '7:']);
});

test('Retry sends again what was sent, whatever is asked for now; with another M the question stands alone', async () => {
	const { client, models, conversation } = await startedSession();
	conversation.together = true;
	await answer(conversation, client, 'One?', 'A');
	await answer(conversation, client, 'Two?', 'B');
	conversation.together = false;
	const retried = async () => {
		const again = conversation.retry(conversation.exchanges[1]!);
		await settle();
		client.send({ type: 'done', result: fakeResult('B') });
		await again;
		return shape(client.requests.at(-1));
	};
	expect(await retried()).toEqual(['One?:scene', 'Two?:']);
	models.chooseTokens(25);
	expect(await retried()).toEqual(['Two?:scene']);
	expect(conversation.exchanges[1]?.asked?.tokens).toBe(25);
});

test('Retry starts a model that is gone, and leaves the words there are until the first new one', async () => {
	const { client, conversation } = await startedSession();
	void conversation.ask('Long?');
	await settle();
	client.send({ type: 'token', id: 1, text: 'Half' });
	await settle();
	client.set({ status: 'failed', reason: 'crash', message: 'The worker is gone.' });
	const exchange = conversation.exchanges[0]!;
	const again = conversation.retry(exchange);
	expect(exchange).toMatchObject({ open: true, stale: true, text: 'Half', error: undefined });
	await settle();
	expect(client.restarts).toBe(1);
	expect(exchange).toMatchObject({ stale: true, text: 'Half' });
	expect(client.requests.map(shape)).toEqual([['Long?:scene'], ['Long?:scene']]);
	client.send({ type: 'token', id: 2, text: 'Wh' });
	await settle();
	expect(exchange).toMatchObject({ stale: false, text: 'Wh', texts: ['Wh'] });
	client.send({ type: 'done', result: fakeResult('Whole.') });
	await again;
	expect(exchange).toMatchObject({ status: 'done', text: 'Whole.' });
	expect(client.requests).toHaveLength(2);
});

test('a model that does not start again leaves the partial words and says why', async () => {
	const { client, conversation } = await startedSession();
	void conversation.ask('Long?');
	await settle();
	client.send({ type: 'token', id: 1, text: 'Half' });
	await settle();
	client.set({ status: 'failed', reason: 'crash', message: 'The worker is gone.' });
	client.loadError = 'No memory is left.';
	await conversation.retry(conversation.exchanges[0]!);
	expect(conversation.exchanges[0]).toMatchObject({
		status: 'failed',
		text: 'Half',
		error: 'No memory is left.'
	});
	expect(conversation.busy).toBe(false);
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
	expect(exchange).toMatchObject({ text: 'so fa', stale: true });
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

test('a crash ends the open answer at once; a restart goes on with it, with the earlier questions that were sent', async () => {
	const { client, models, conversation } = await startedSession();
	conversation.together = true;
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

test('a conversation outlives the page: answers, what was sent, pictures; what was cut off can be asked again', async () => {
	const kept = fakeKeeping();
	const first = await startedSession({ keeping: kept.keeping });
	const own = fakeImage('own');
	first.images.put(own);
	first.conversation.together = true;
	await answer(first.conversation, first.client, 'One?', 'A');
	await answer(first.conversation, first.client, 'Two?', 'B');
	first.images.put(fakeImage('lost'));
	await answer(first.conversation, first.client, 'Three?', 'C');
	kept.pictures.delete('lost');
	first.images.put(first.images.samples![0]!);
	void first.conversation.ask('Four?');
	await settle();

	const { client, images, conversation } = await startedSession({ keeping: kept.keeping });
	expect(conversation.restored).toBe(true);
	expect(conversation.exchanges.map(({ question, text }) => [question, text])).toEqual([
		['One?', 'A'],
		['Two?', 'B'],
		['Three?', 'C'],
		['Four?', '']
	]);
	const [one, two, three, four] = conversation.exchanges;
	const asked = first.conversation.exchanges[1]!.asked!;
	expect(two!.asked).toEqual(asked);
	expect(two!.result).toEqual(first.conversation.exchanges[1]!.result);
	expect(one!.image?.id).toBe('own');
	expect(three).toMatchObject({ image: undefined, picture: { id: 'lost', name: 'lost.png' } });
	expect(four).toMatchObject({ status: 'failed', error: 'The page was left before the answer was whole.' });
	expect(four!.image).toBe(images.samples![0]);

	// Without its picture a question is not asked again; with the same file put in it is.
	await conversation.retry(three!);
	expect(client.requests).toHaveLength(0);
	images.put(fakeImage('lost'));
	const again = conversation.retry(three!);
	await settle();
	expect(client.requests.map(shape)).toEqual([['Three?:lost']]);
	client.send({ type: 'done', result: fakeResult('D') });
	await again;

	conversation.clear();
	await settle();
	expect(kept.records.size).toBe(0);
});

test('a browser that keeps nothing says so, and the conversation goes on', async () => {
	const { keeping } = fakeKeeping();
	const full = () => Promise.reject(new Error('The storage is full.'));
	const { client, conversation } = await startedSession({
		keeping: { ...keeping, exchanges: { ...keeping.exchanges, put: full } }
	});
	await answer(conversation, client, 'One?', 'A');
	expect(conversation.exchanges[0]?.text).toBe('A');
	expect(conversation.keepError).toBe('A reload loses this conversation: The storage is full.');
});

test('the exported file has every answer with what it was computed from, and no bytes of pictures', async () => {
	const { client, conversation } = await startedSession();
	conversation.together = true;
	await answer(conversation, client, 'One?', 'A');
	await answer(conversation, client, 'Two?', 'B');
	const file = JSON.parse(conversationFile(conversation.exchanges, 'Honeybee workbench 1')) as {
		exchanges: unknown[];
	};
	expect(file).toMatchObject({ format: 'honeybee-conversation', application: 'Honeybee workbench 1' });
	expect(file.exchanges[1]).toMatchObject({
		question: 'Two?',
		answer: 'B',
		picture: { id: 'scene', name: 'scene.png' },
		asked: {
			model: 'mini',
			projector: 'c-abs',
			tokens: 9,
			turns: [{ question: 'One?', answer: 'A', answer_ids: [65] }, { question: 'Two?' }],
			sampling: { temperature: 0 }
		},
		result: { ids: [66], backend: 'wasm', dtype: 'fp32' }
	});
	expect(JSON.stringify(file)).not.toContain('bytes');
});

test('an exported file opens again: answers, their words and provenance, the picture at hand, and nothing twice', async () => {
	const { client, conversation } = await startedSession();
	await answer(conversation, client, 'One?', 'A b');
	await answer(conversation, client, 'Two?', 'B');
	const [one] = conversation.exchanges;
	one!.texts = ['A', 'A\uFFFD', 'A b'];
	const text = conversationFile(conversation.exchanges, 'Honeybee workbench 1');

	const { kept, ...other } = { kept: fakeKeeping(), ...(await startedSession()) };
	expect(kept.records.size).toBe(0);
	expect(await other.conversation.open(readConversationFile(text, 'c.json'))).toBe(2);
	const [first, second] = other.conversation.exchanges;
	expect(first).toMatchObject({ question: 'One?', text: 'A b', status: 'done' });
	expect(first!.texts).toEqual(one!.texts);
	expect(first!.asked).toMatchObject({ model: 'mini', projector: 'c-abs', tokens: 9 });
	expect(first!.image?.id).toBe('scene');
	expect(second).toMatchObject({ question: 'Two?', text: 'B' });
	expect(await other.conversation.open(readConversationFile(text, 'c.json'))).toBe(0);
	expect(other.conversation.exchanges).toHaveLength(2);
	// What is opened goes along with the next question as if it had been asked here.
	other.conversation.together = true;
	const asking = other.conversation.ask('Three?');
	await settle();
	expect(other.client.requests.at(-1)!.turns.map(({ question }) => question)).toEqual([
		'One?',
		'Two?',
		'Three?'
	]);
	other.client.send({ type: 'done', result: fakeResult('C') });
	await asking;
});

test.each([
	['no JSON', '{', /^c\.json is no conversation; open a file/],
	['another file', '{"format": "honeybee-series"}', /^c\.json is no conversation/],
	['a newer one', '{"format": "honeybee-conversation", "version": 2, "exchanges": []}', /has version 2/],
	[
		'a damaged one',
		'{"format": "honeybee-conversation", "version": 1, "exchanges": [{"time": "2026-01-01T00:00:00Z", "question": 3}]}',
		/^Question 1 of c\.json is damaged/
	]
])('%s is no conversation to open', (_, text, message) => {
	expect(() => readConversationFile(text, 'c.json')).toThrow(message);
});

/** What a browser keeps, as structured clones. */
function fakeKeeping() {
	const records = new Map<number, ExchangeRecord>();
	const pictures = new Map<string, SessionImage>();
	const keeping: ConversationKeeping = {
		exchanges: {
			all: async () => [...records.values()].sort((a, b) => a.id - b.id),
			get: async (key) => records.get(key as number),
			put: async (record) => void records.set(record.id, structuredClone(record)),
			remove: async (keys) => {
				for (const key of keys) records.delete(key as number);
			}
		},
		keepImage: async (image) => void pictures.set(image.id, image),
		keptImage: async (id) => pictures.get(id)
	};
	return { keeping, records, pictures };
}

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

test('a link’s question is asked with the link’s projector, M and picture, whatever is chosen', async () => {
	const { client, conversation } = await startedSession();
	const image = fakeImage('linked');
	const asking = conversation.ask('What?', { projector: 'resampler', tokens: 9, image });
	await settle();
	expect(client.requests[0]).toMatchObject({ projector: 'resampler' });
	expect(shape(client.requests[0])).toEqual(['What?:linked']);
	client.send({ type: 'done', result: fakeResult('A') });
	await asking;
	expect(conversation.exchanges[0]?.asked).toMatchObject({ projector: 'resampler', tokens: 9 });
});

test('a picture that is none of the scenes a model knows is told beside its answer, and stays told', async () => {
	const { client, models, images, conversation } = await startedSession();
	const knows = 'It knows only its scenes.';
	client.knows = knows;
	await models.choose('other');
	const told = async (image: ReturnType<typeof fakeImage>) => {
		images.put(image);
		await answer(conversation, client, 'What?', 'A');
		return conversation.exchanges.at(-1)!;
	};
	const photograph = await told(fakeImage('photograph'));
	expect(photograph.asked!.beyond).toBe(knows);
	expect(answerText(photograph, 'app')).toContain(knows);
	expect(exchangeOf(recordOf(photograph), undefined).asked!.beyond).toBe(knows);
	const scene = { ...fakeImage('a'), scene: {} as NonNullable<SessionImage['scene']> };
	expect((await told(scene)).asked!.beyond).toBe(undefined);
});

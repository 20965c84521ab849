// @vitest-environment runes
import { flushSync } from 'svelte';
import { describe, expect, test } from 'vitest';
import { Comparison } from '../../../../src/routes/compare/comparison.svelte.ts';
import { ExtraModels } from '../../../../src/routes/compare/extra-models.svelte.ts';
import {
	FakeClient,
	fakeManifest,
	FakeMemory,
	fakeResult,
	settle,
	startedSession
} from '../../workbench/fakes.ts';
import { rooted } from '../../../support/rooted.svelte.ts';

const models = ['mini', 'other', 'third', 'fourth'].map((name) => ({
	name,
	title: name,
	location: { kind: 'url', url: `http://site/models/${name}/` } as const
}));

async function make(memory = new FakeMemory()) {
	const { client, session } = await startedSession({ memory, listModels: async () => models });
	const extras: FakeClient[] = [];
	const extra = new ExtraModels(() => {
		extras.push(new FakeClient());
		return extras.at(-1)!;
	});
	const { state: comparison } = rooted(() => new Comparison(session, memory, extra));
	flushSync();
	const leave = comparison.visit();
	return { client, session, memory, comparison, extras, leave };
}

const names = (comparison: Comparison) => comparison.shown.map(({ name }) => name);

describe('columns', () => {
	test('two at first, up to four, never less than one', async () => {
		const { comparison } = await make();
		expect(names(comparison)).toEqual(['A: Resampler, M = 9', 'B: C-Abstractor, M = 9']);
		comparison.remove(comparison.columns[0]!);
		comparison.remove(comparison.columns[0]!);
		expect(names(comparison)).toEqual(['A: C-Abstractor, M = 9']);
		for (let i = 0; i < 4; i++) comparison.add();
		expect(comparison.columns.length).toBe(4);
		expect(comparison.canAdd).toBe(false);
	});

	test('are moved with what was computed, and the pair and the source go with them', async () => {
		const { comparison } = await make();
		const [a, b] = comparison.columns;
		comparison.source = 1;
		comparison.move(b!, -1);
		expect(comparison.columns).toEqual([b, a]);
		expect(comparison.pair).toEqual([1, 0]);
		expect(comparison.source).toBe(0);
		comparison.move(b!, -1);
		expect(comparison.columns).toEqual([b, a]);
	});

	test('are those of the model at hand, until somebody chooses them', async () => {
		const { client, session, comparison } = await make();
		client.manifestOf = (name) => {
			const { projectors, ...rest } = fakeManifest(name);
			return { ...rest, projectors: name === 'other' ? { linear: projectors.resampler! } : projectors };
		};
		await session.models.choose('other');
		flushSync();
		// Not the same column twice.
		expect(names(comparison)).toEqual(['A: Resampler, M = 9']);
		await session.models.choose('mini');
		flushSync();
		expect(names(comparison)).toEqual(['A: Resampler, M = 9', 'B: C-Abstractor, M = 9']);
		comparison.chooseTokens(comparison.columns[1]!, 16);
		await session.models.choose('other');
		flushSync();
		expect(names(comparison)).toEqual(['A: Resampler, M = 9']);
		await session.models.choose('mini');
		flushSync();
		expect(names(comparison)).toEqual(['A: Resampler, M = 9', 'B: C-Abstractor, M = 16']);
	});

	test('are remembered for the next visit, with the method', async () => {
		const { comparison, memory } = await make();
		comparison.chooseTokens(comparison.columns[1]!, 16);
		comparison.chooseMethod('occlusion');
		comparison.add();
		const again = await make(memory);
		expect(names(again.comparison)).toEqual(names(comparison));
		expect(names(again.comparison)[1]).toBe('B: C-Abstractor, M = 16');
		expect(again.comparison.method).toBe('occlusion');
	});

	test('of another model have a worker of their own, at most two, gone with their last column', async () => {
		const { comparison, extras, leave } = await make();
		comparison.add();
		comparison.add();
		const [a, b, c] = comparison.columns;
		comparison.chooseModel(a!, 'other');
		comparison.chooseModel(b!, 'third');
		comparison.chooseModel(c!, 'fourth');
		await settle();
		expect(extras.map(({ loads }) => loads.length)).toEqual([1, 1]);
		expect(comparison.shown.map(({ client }) => client === extras[0])[0]).toBe(true);
		expect(comparison.shown[2]!.client).toBeUndefined();
		expect(comparison.shown[0]!.name).toBe('A: Resampler, M = 9 (other)');
		expect(comparison.extra.weights).toBe(2000);

		comparison.chooseModel(a!, 'mini');
		flushSync();
		expect(extras[0]!.disposed).toBe(true);
		await settle();
		expect(comparison.shown[2]!.client).toBeDefined();
		leave();
		expect(extras.every(({ disposed }) => disposed)).toBe(true);

		comparison.visit();
		await settle();
		expect(extras.slice(3).map(({ loads }) => loads.length)).toEqual([1, 1]);
	});
});

describe('answers', () => {
	test('the last question of the conversation is asked, one column after the other', async () => {
		const { client, session, comparison } = await make();
		expect(comparison.question).toBe('How many cats?');
		const asking = session.conversation.ask('Where is the dog?');
		await settle();
		client.send({ type: 'done', result: fakeResult('left') });
		await asking;
		expect(comparison.question).toBe('Where is the dog?');
		comparison.typed = 'Why?';

		comparison.ask();
		await settle();
		const first = client.requests.slice(1);
		expect(first.map(({ projector }) => projector)).toEqual(['resampler']);
		expect(first[0]!.turns).toEqual([
			{ question: 'Why?', images: [{ id: 'scene', bytes: new Uint8Array([1]), name: 'scene.png' }] }
		]);
		client.send({ type: 'token', id: 1, text: 'be' });
		await settle();
		expect(comparison.columns[0]!.text).toBe('be');
		client.send({ type: 'done', result: fakeResult('because') });
		await settle();
		expect(client.requests.slice(1).map(({ projector }) => projector)).toEqual(['resampler', 'c-abs']);
		client.refuse('The prompt is too long.');
		await settle();
		expect(comparison.columns.map(({ answer }) => answer.status)).toEqual(['done', 'failed']);
		expect(comparison.columns[1]!.answer.error).toBe('The prompt is too long.');
		expect(comparison.answers.map((answer) => answer?.text)).toEqual(['because', undefined]);
	});

	test('end tokens are not scored, and a changed column asks again', async () => {
		const { client, comparison } = await make();
		comparison.ask();
		await settle();
		client.send({ type: 'done', result: fakeResult('a', { ids: [5, 2] }) });
		await settle();
		client.send({ type: 'done', result: fakeResult('b', { ids: [6] }) });
		await settle();
		expect(comparison.answers.map((answer) => answer?.ids)).toEqual([[5], [6]]);

		comparison.chooseTokens(comparison.columns[1]!, 4);
		await settle();
		expect(client.requests.length).toBe(3);
		expect(client.requests[2]).toMatchObject({ projector: 'c-abs', tokens: 4 });
		expect(comparison.answers.map((answer) => answer?.text)).toEqual(['a', undefined]);
	});

	test('a stop ends the column in work and leaves the one behind it', async () => {
		const { client, comparison } = await make();
		comparison.ask();
		await settle();
		comparison.columns[0]!.answer.cancel();
		await settle();
		expect(client.cancels).toBe(1);
		expect(comparison.columns[0]!.answer.status).toBe('stopped');
		expect(client.requests.map(({ projector }) => projector)).toEqual(['resampler', 'c-abs']);
		client.send({ type: 'done', result: fakeResult('b') });
		await settle();
		expect(comparison.columns[1]!.answer.value?.result.text).toBe('b');
	});
});

describe('times', () => {
	test('of all columns are taken in turns, and those of a column that changed are not shown for it', async () => {
		const { client, comparison } = await make();
		const order: string[] = [];
		client.answer = async function* (request) {
			order.push(request.projector);
			yield { type: 'done', result: fakeResult('a') };
		};
		comparison.time();
		await settle();
		expect(order.slice(0, 4)).toEqual(['resampler', 'c-abs', 'resampler', 'c-abs']);
		expect(comparison.times.status).toBe('done');
		const keys = () => comparison.times.value?.map(({ subject }) => subject.key);
		expect(keys()).toEqual(comparison.shown.map(({ subject }) => subject?.key));
		comparison.chooseTokens(comparison.columns[1]!, 4);
		expect(keys()).not.toContain(comparison.shown[1]!.subject?.key);

		const before = order.length;
		comparison.time();
		await settle();
		expect(order.length, 'measured again, nothing is kept').toBe(2 * before);
	});
});

// @vitest-environment runes
import { expect, test } from 'vitest';
import { FakeMemory, fakeModels, fakeResult, makeSession, settle, startedSession } from '../fakes.ts';
import { linkedMemory } from '../../../../src/lib/workbench/frame/address.ts';

test('the first model is loaded at the start, with its first projector and that projector’s own M', async () => {
	const { client, models } = await startedSession();
	expect(client.loads.map((load) => load.location)).toEqual([fakeModels[0]?.location]);
	expect(models.worker.status).toBe('ready');
	expect(models.projector).toBe('c-abs');
	expect(models.tokens).toBe(9);
	expect(models.tokenChoices).toEqual([1, 4, 9, 16, 25, 36]);
});

test('model, projector, M and backend are remembered for the next visit', async () => {
	const { memory, models } = await startedSession();
	await models.choose('other');
	models.chooseTokens(16);
	models.chooseProjector('resampler');
	await models.chooseBackend('wasm');

	const next = await startedSession({ memory });
	expect(next.models.chosen).toBe('other');
	expect(next.client.loads[0]).toMatchObject({ backend: 'wasm', projector: 'resampler' });
	expect(next.models.projector).toBe('resampler');
	expect(next.models.tokens).toBe(9);
	next.models.chooseProjector('c-abs');
	expect(next.models.tokens).toBe(16);
});

test('a remembered M the projector no longer offers is forgotten', async () => {
	const memory = new FakeMemory();
	memory.setItem('honeybee.tokens.mini.c-abs', '10');
	memory.setItem('honeybee.model', '"gone"');
	const { models } = await startedSession({ memory });
	expect(models.chosen).toBe('mini');
	expect(models.tokens).toBe(9);
});

test('the address forces the backend without changing what is remembered', async () => {
	const { client, memory } = await startedSession({ forcedBackend: 'webgpu' });
	expect(client.loads[0]?.backend).toBe('webgpu');
	expect(memory.map.has('honeybee.backend')).toBe(false);
});

test('no model: nothing is loaded and a question is refused in a sentence', async () => {
	const { client, conversation } = await startedSession({ listModels: async () => [] });
	expect(client.loads).toEqual([]);
	await conversation.ask('Anyone there?');
	expect(conversation.promptError).toBe('There is no model to ask yet.');
	expect(conversation.exchanges).toEqual([]);
});

test('a list that cannot be read is told', async () => {
	const { models } = await startedSession({
		listModels: async () => Promise.reject(new Error('models/index.json is not valid JSON.'))
	});
	expect(models.listError).toBe('models/index.json is not valid JSON.');
	expect(models.list).toEqual([]);
});

test('a failed load leaves the page usable: the next load works and questions are answered', async () => {
	const made = makeSession();
	made.client.loadError = 'The file w is damaged.';
	await made.session.start();
	expect(made.models.worker).toEqual({
		status: 'failed',
		reason: 'load',
		message: 'The file w is damaged.'
	});
	await made.conversation.ask('Hello?');
	expect(made.conversation.exchanges[0]?.error).toBe('The file w is damaged.');

	await made.models.restart();
	expect(made.models.worker.status).toBe('ready');
	const exchange = made.conversation.exchanges[0]!;
	const asking = made.conversation.retry(exchange);
	await settle();
	made.client.send({ type: 'done', result: fakeResult('Hello.') });
	await asking;
	expect(exchange.text).toBe('Hello.');
	expect(exchange.error).toBeUndefined();
});

test('a link to a model that is not here opens none in its place; choosing one, or its coming, goes on', async () => {
	const { client, models } = await startedSession({ linked: { model: 'gone' } });
	expect([models.missing, models.chosen, models.manifest, client.loads]).toEqual([
		'gone',
		undefined,
		undefined,
		[]
	]);
	await models.choose('other');
	expect([models.missing, models.chosen]).toEqual([undefined, 'other']);
	// Reached by a link within the page.
	await models.follow({ model: 'gone', projector: 'resampler' });
	expect([models.missing, models.chosen, models.loaded, models.ready]).toEqual([
		'gone',
		undefined,
		undefined,
		undefined
	]);
	expect(models.fallback).toBeUndefined();
});

test('a missing model is opened when it is converted', async () => {
	let list = fakeModels;
	const { models } = await startedSession({ linked: { model: 'late' }, listModels: async () => list });
	expect(models.missing).toBe('late');
	list = [...fakeModels, { ...fakeModels[0]!, name: 'late' }];
	await models.relist();
	expect([models.missing, models.chosen]).toEqual([undefined, 'late']);
});

test('a model that came after the list was read is loaded when it is chosen; one that is not here is said to be missing', async () => {
	let list = fakeModels;
	const { client, models } = await startedSession({ listModels: async () => list });
	list = [...fakeModels, { ...fakeModels[0]!, name: 'late' }];
	await models.choose('late');
	expect([models.missing, models.chosen, models.worker.status]).toEqual([undefined, 'late', 'ready']);
	expect(models.manifest).toBeDefined();
	expect(client.loads).toHaveLength(2);

	await models.choose('gone');
	expect([models.missing, models.chosen, models.manifest]).toEqual(['gone', undefined, undefined]);

	// What is chosen while the list is read is not undone by it.
	list = [...list, { ...fakeModels[0]!, name: 'later' }];
	const waiting = models.choose('later');
	await models.choose('other');
	await waiting;
	expect(models.chosen).toBe('other');
});

test('a choice made while the list is first read is not undone by the model used last', async () => {
	const made = makeSession();
	made.memory.setItem('honeybee.model', '"mini"');
	const starting = made.session.start();
	await made.models.choose('other');
	await starting;
	expect(made.models.chosen).toBe('other');
	expect(made.models.list).toEqual(fakeModels);
});

test('a link gives way to what is chosen after it, with all it asks for; an earlier choice gives way to it', async () => {
	const list = [...fakeModels, { ...fakeModels[0]!, name: 'late' }];
	let read = 0;
	// The first reading has not seen the newest model yet.
	const { models } = await startedSession({ listModels: async () => (read++ === 0 ? fakeModels : list) });
	const following = models.follow({ model: 'late', projector: 'resampler' });
	await models.choose('other');
	await following;
	expect([models.chosen, models.projector]).toEqual(['other', 'c-abs']);

	const choosing = models.choose('gone');
	await models.follow({ model: 'missing too' });
	await choosing;
	expect([models.chosen, models.missing]).toEqual([undefined, 'missing too']);

	await models.follow({ model: 'late', projector: 'resampler' });
	expect([models.chosen, models.projector, models.missing]).toEqual(['late', 'resampler', undefined]);
});

test.each([
	[{ projector: 'zzz' }, 'projector “zzz”', ['c-abs', 9]],
	[{ projector: 'c-abs', tokens: 7 }, '7 visual tokens', ['c-abs', 9]],
	[{ projector: 'resampler', tokens: 16 }, '16 visual tokens', ['resampler', 9]],
	[{ projector: 'c-abs', tokens: 16 }, undefined, ['c-abs', 16]]
] as const)(
	'a link to %o: what is not offered is said once, and the rest is followed',
	async (linked, said, now) => {
		const memory = linkedMemory(new FakeMemory(), linked);
		const first = await startedSession({ linked, memory });
		const second = await startedSession();
		await second.models.follow(linked);
		for (const { models } of [first, second]) {
			expect([models.projector, models.tokens]).toEqual(now);
			if (said === undefined) expect(models.fallback).toBeUndefined();
			else expect(models.fallback).toContain(said);
			expect(models.ready).toBeDefined();
			models.chooseProjector('resampler');
			expect(models.fallback).toBeUndefined();
		}
	}
);

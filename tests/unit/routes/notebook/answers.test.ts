import { describe, expect, it, vi } from 'vitest';
import { Session } from '../../../../src/lib/workbench/session/session.svelte.ts';
import { NotebookAnswers } from '../../../../src/routes/notebook/answers.ts';
import { FakeClient, fakeImage, FakeMemory, fakeResult, settle } from '../../workbench/fakes.ts';

async function notebook() {
	const client = new FakeClient();
	const session = new Session({
		client,
		memory: new FakeMemory(),
		listModels: async () => [
			{ name: 'mini', title: 'mini', location: { kind: 'url', url: 'http://site/models/mini/' } }
		],
		sampleScenes: async () => [fakeImage('scene', ['How many cats?'])],
		openImage: async (_file, name) => fakeImage(name)
	});
	await session.start();
	const answers = new NotebookAnswers(session, 'http://site/');
	const call = (name: Parameters<NotebookAnswers['answer']>[0], args: unknown[], signal?: AbortSignal) =>
		answers.answer(name, args, { signal });
	return { client, call };
}
const done = (text: string) => ({ type: 'done', result: fakeResult(text) }) as const;

describe('calls of several cells', () => {
	it('are answered one after the other, and a stop ends one of them, also while it waits', async () => {
		const { client, call } = await notebook();
		const stop = new AbortController();
		const first = call('ask', ['One?']);
		const stopped = call('ask', ['Two?'], stop.signal);
		const last = call('ask', ['Three?']);
		await settle();
		expect(client.requests).toHaveLength(1);
		const why = new Error('the cell was changed');
		stop.abort(why);
		await expect(stopped).rejects.toBe(why);
		// At once: the first one is still in work.
		expect(client.requests).toHaveLength(1);
		client.send(done('one'));
		expect(await first).toMatchObject({ text: 'one' });
		await settle();
		client.send(done('three'));
		expect(await last).toMatchObject({ text: 'three' });
		expect(client.requests.map(({ turns }) => turns[0]!.question)).toEqual(['One?', 'Three?']);
	});

	it('that fail leave the others', async () => {
		const { client, call } = await notebook();
		const failing = call('ask', ['One?']);
		const refused = call('ask', ['']);
		const next = call('ask', ['Two?']);
		await expect(refused).rejects.toThrow('model.ask takes a question');
		client.refuse('The prompt is too long.');
		await expect(failing).rejects.toThrow('The prompt is too long.');
		await settle();
		client.send(done('two'));
		expect(await next).toMatchObject({ text: 'two' });
	});

	it('hand their signal on to the model', async () => {
		const { client, call } = await notebook();
		const trace = vi.fn(() => Promise.resolve({}));
		client.probes.trace = trace;
		const { signal } = new AbortController();
		await call('trace', [['visual_embeds']], signal);
		expect(trace).toHaveBeenCalledWith(expect.objectContaining({ names: ['visual_embeds'] }), { signal });
	});
});

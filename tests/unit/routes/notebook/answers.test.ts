import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { DAbsConfig } from '../../../../src/lib/model/projectors/d-abs/config.ts';
import { probes } from '../../../../src/lib/study/answerer.ts';
import type { Control } from '../../../../src/lib/study/control.ts';
import { NotebookAnswers } from '../../../../src/routes/notebook/answers.ts';
import { embeddedModel, openNodeModel, scene } from '../../../support/embedded.ts';
import { fakeImage, fakeResult, settle, startedSession } from '../../workbench/fakes.ts';

async function notebook() {
	const { client, session } = await startedSession();
	const answers = new NotebookAnswers(session, 'http://site/');
	const call = (name: Parameters<NotebookAnswers['answer']>[0], args: unknown[], signal?: AbortSignal) =>
		answers.answer(name, args, { signal });
	return { client, session, call };
}

/** A notebook whose model is the embedded one, in this thread, with a scene instead of every image. */
async function live() {
	const made = await notebook();
	const model = await openNodeModel(embeddedModel);
	const { image } = scene(3);
	const { client, session } = made;
	const bytes = new Uint8Array(readFileSync('tests/fixtures/golden/images/scene_200x150.png'));
	session.images.put({ ...fakeImage('scene'), bytes });
	client.set({ status: 'ready', model: { ...session.models.loaded!, manifest: model.manifest } });
	for (const name of probes)
		client.probes[name] = (request: object, control?: Control) =>
			model[name]({ ...request, image } as never, control) as never;
	return { ...made, model };
}
const done = (text: string) => ({ type: 'done', result: fakeResult(text) }) as const;

describe('what cells are given', () => {
	it.each([
		['offsets', []],
		['trace', [['visual_embeds']]],
		['locality', [{ method: 'structural' }]],
		['figure', ['token-map', { method: 'structural', token: 3 }]],
		['locality', [{ directions: 1 }]]
	] as const)('of %s(%j) can be sent to their frame', async (name, args) => {
		const { call, model } = await live();
		const given = (await call(name, [...args])) as object;
		expect(Object.keys(structuredClone(given))).toEqual(Object.keys(given));
		if (name === 'offsets') {
			const { decoder_layers, decoder_attention_heads, decoder_n_points } = model.manifest.projectors[
				'd-abs'
			]!.config as DAbsConfig;
			expect(given).toMatchObject({
				layers: decoder_layers,
				heads: decoder_attention_heads,
				points: decoder_n_points
			});
		}
		await model.dispose();
	});
});

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

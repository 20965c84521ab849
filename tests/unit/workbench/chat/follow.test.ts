// @vitest-environment runes
import { flushSync } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import { AnswerFollower } from '../../../../src/lib/workbench/chat/follow.svelte.ts';
import { LocalityCache } from '../../../../src/lib/study/cache.ts';
import { LocalityView } from '../../../../src/routes/locality/view.svelte.ts';
import { rooted } from '../../../support/rooted.svelte.ts';
import { fakeImage, fakeResult, settle, startedSession } from '../fakes.ts';

afterEach(() => void vi.useRealTimers());

const started = () => startedSession({ sampleScenes: async () => [fakeImage('one'), fakeImage('two')] });

test('the last question is asked again after a change of M has come to rest, when it is switched on', async () => {
	const { client, session } = await started();
	vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
	const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
	/** Longer than the rest before a question is asked again. */
	const rest = () => pass(500);
	const { state: follower, end } = rooted(() => new AnswerFollower(session.models, session.conversation));
	const answer = async () => {
		await pass(0);
		client.send({ type: 'done', result: fakeResult('Two.') });
		await pass(0);
	};
	const asking = session.conversation.ask('How many?');
	await answer();
	await asking;
	session.models.chooseTokens(4);
	await rest();
	expect(client.requests).toHaveLength(1);

	follower.on = true;
	flushSync();
	// Not at rest yet.
	session.models.chooseTokens(16);
	await rest();
	await answer();
	expect(client.requests.map(({ tokens }) => tokens)).toEqual([undefined, 16]);
	expect(session.conversation.exchanges).toHaveLength(1);
	expect(follower.times.map(({ tokens }) => tokens)).toEqual([16, 9]);
	expect(follower.times[0]!.stages.decode).toBe(4);

	end();
	session.models.chooseTokens(25);
	await rest();
	expect(client.requests).toHaveLength(2);
});

test('maps are computed once whichever figure asks, and what a stopped run has done is kept', async () => {
	const { client, session } = await started();
	const calls: string[] = [];
	client.probes.locality = async (request, options) => {
		options?.signal?.throwIfAborted();
		calls.push(`${request.projector} ${request.image.id}${request.directions === 1 ? ', a first look' : ''}`);
		const data = new Float32Array(9 * 36).map((_, i) => (i % 37 === 0 ? 1 : 0.01));
		return { visual_embeds: { dtype: 'float32', dims: [9, 36], data } };
	};
	const { state: view } = rooted(() => new LocalityView(session, new LocalityCache(client)));
	await settle();
	// Nothing is computed before the page is looked at.
	expect(calls).toEqual([]);
	view.visit.begin();
	await settle();
	expect(calls).toEqual(['c-abs one, a first look', 'c-abs one']);
	expect(view.study.isFirstLook).toBe(false);
	expect(view.rows?.map.tokens).toBe(9);
	expect(view.localities).toHaveLength(9);
	expect(view.token).toBe(4);

	const set = view.measureSet();
	await settle();
	await set;
	expect(calls.slice(1)).toEqual(['c-abs one', 'c-abs two', 'resampler one', 'resampler two']);
	expect(view.set.value?.projectors.map(({ name }) => name)).toEqual(['c-abs', 'resampler']);
	const drift = view.set.value?.projectors[0]?.summary.find(({ measure }) => measure === 'drift');
	expect(drift?.estimate.n).toBe(2);

	session.models.chooseProjector('resampler');
	await settle();
	// What is there needs no first look.
	expect(calls).toHaveLength(5);
	expect(view.rows?.homes).toHaveLength(9);
	expect(view.phrase).toMatch(/^gradient, K = 8/);
	view.chosen = 'structural';
	expect(view.method).toBe('gradient');
});

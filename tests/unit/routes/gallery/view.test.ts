// @vitest-environment runes
import { flushSync } from 'svelte';
import { expect, test } from 'vitest';
import { figures } from '../../../../src/lib/viz/registry.ts';
import { LocalityCache } from '../../../../src/lib/study/cache.ts';
import type { Control } from '../../../../src/lib/study/control.ts';
import { studies } from '../../../../src/lib/study/registry.ts';
import { GalleryView } from '../../../../src/routes/gallery/view.svelte.ts';
import { rooted } from '../../../support/rooted.svelte.ts';
import { fakeImage, settle, startedSession } from '../../workbench/fakes.ts';

/** The gallery with a model whose maps come when the test lets them. */
async function make() {
	const { client, session } = await startedSession();
	const asked: { readonly projector: string; readonly signal: AbortSignal | undefined; give: () => void }[] =
		[];
	client.probes.locality = ({ projector, tokens = 9 }, { signal }: Control = {}) =>
		new Promise((resolve, reject) => {
			signal?.addEventListener('abort', () => reject(signal.reason as Error));
			const data = Float32Array.from({ length: tokens * 36 }, (_, i) => 1 + (i % 7));
			const give = () => resolve({ visual_embeds: { dtype: 'float32', dims: [tokens, 36], data } } as never);
			asked.push({ projector, signal, give });
		});
	const { state: view, end } = rooted(() => new GalleryView(session, new LocalityCache(client)));
	flushSync();
	const entry = (id: string) => view.entries.find(({ figure }) => figure.id === id)!;
	const look = async (id: string, inView = true) => {
		entry(id).inView = inView;
		flushSync();
		await settle();
	};
	return { client, session, asked, view, end, entry, look };
}

test('every figure stands in it, in the order of the registry, and those that lack something say what', async () => {
	const { view, entry } = await make();
	expect(view.entries.map(({ figure }) => figure.id)).toEqual(Object.keys(studies));
	expect(view.entries.map(({ figure }) => figure.id).sort()).toEqual(figures.map(({ id }) => id).sort());
	expect(entry('radar').lacks).toEqual({ need: 'a run of honeybee eval' });
	expect(entry('paired-differences').lacks).toEqual({ need: 'two runs of honeybee eval' });
	expect(entry('sweep').lacks?.need).toContain('scene');
	expect(entry('sampling-offsets').lacks?.obstacle).toContain('samples nowhere in particular');
	expect(entry('locality-grid').lacks).toBeUndefined();
	view.show = 'here';
	expect(view.shown.map(({ figure }) => figure.id)).not.toContain('radar');
	expect(view.shown).toContain(entry('locality-grid'));
});

test('a figure is made when it is looked at, stopped when it is left, and made once for all that share it', async () => {
	const { asked, entry, look } = await make();
	expect(asked).toEqual([]);
	await look('locality-grid');
	await look('token-map');
	expect(asked).toHaveLength(1);
	await look('locality-grid', false);
	expect(asked[0]!.signal?.aborted).toBe(true);
	expect(entry('locality-grid').run.status).toBe('stopped');
	// The next in the queue goes on.
	expect(asked).toHaveLength(2);
	// Looked at again before anything else has happened: made again.
	await look('locality-grid');
	asked[1]!.give();
	await settle();
	expect(asked).toHaveLength(2);
	for (const id of ['locality-grid', 'token-map']) expect(entry(id).run.status, id).toBe('done');
	expect(entry('token-map').shown?.provenance).toBe('mini · C-Abstractor, M = 9 · scene.png · fp32 on wasm');
	expect(entry('token-map').shown?.address).toBe('locality?model=mini&projector=c-abs&tokens=9');
});

test('what is left and looked at again at once is made', async () => {
	const { asked, entry } = await make();
	const grid = entry('locality-grid');
	for (const inView of [true, false, true]) {
		grid.inView = inView;
		flushSync();
	}
	await settle();
	asked.at(-1)!.give();
	await settle();
	expect(grid.run.status).toBe('done');
});

test('another image stops it and makes it of that', async () => {
	const { asked, session, entry, look } = await make();
	await look('coverage');
	session.images.put(fakeImage('other'));
	flushSync();
	await settle();
	expect(asked.map(({ signal }) => signal?.aborted)).toEqual([true, false]);
	asked[1]!.give();
	await settle();
	expect(entry('coverage').shown?.provenance).toContain('other.png');
});

test('a selection is a choice of the figures that take it; one that is none there is left out', async () => {
	const { asked, view, entry, look } = await make();
	await look('token-map');
	asked[0]!.give();
	await settle();
	view.selection.choose({ token: 3 });
	expect(entry('token-map').shown?.rows).toMatchObject({ token: 3 });
	expect(entry('token-map').shown?.address).toMatch(/select=token\.3$/);
	view.selection.choose({ token: 99 });
	expect(entry('token-map').shown?.rows).toMatchObject({ token: 4 });
});

test('a slow figure waits until it is asked for, and goes on out of sight', async () => {
	const { asked, entry, look } = await make();
	await look('locality-distribution');
	expect(asked).toEqual([]);
	entry('locality-distribution').ask();
	flushSync();
	await settle();
	await look('locality-distribution', false);
	expect(asked.map(({ signal }) => signal?.aborted)).toEqual([false]);
});

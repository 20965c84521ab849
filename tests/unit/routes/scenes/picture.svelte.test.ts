// @vitest-environment runes
import { readFileSync } from 'node:fs';
import { decode } from 'fast-png';
import { expect, test, vi } from 'vitest';
import { sha256 } from '../../../../src/lib/bytes/hash.ts';
import { compose, sceneWord } from '../../../../src/lib/scenes/composition.ts';
import { Atlas, type AtlasIndex, generateScene } from '../../../../src/lib/scenes/index.ts';
import type { SessionImage } from '../../../../src/lib/workbench/session/images.ts';
import { SceneEditor } from '../../../../src/routes/scenes/editor.svelte.ts';
import { ScenePicture } from '../../../../src/routes/scenes/picture.svelte.ts';
import { fakeImage, settle, startedSession } from '../../workbench/fakes.ts';

const sprites = decode(readFileSync('static/scenes/atlas.png'));
const atlas = new Atlas(JSON.parse(readFileSync('static/scenes/atlas.json', 'utf8')) as AtlasIndex, {
	...sprites,
	data: new Uint8ClampedArray(sprites.data)
});
const sceneOf = (seed: number) => generateScene(seed, 'test');
const sample = (seed: number): SessionImage => ({ ...fakeImage(`s${seed}`), scene: sceneOf(seed) });

let opened: Promise<SessionImage> | undefined;
const open = (file: Blob, name: string) => (opened = read(file, name));
async function read(file: Blob, name: string): Promise<SessionImage> {
	const bytes = new Uint8Array(await file.arrayBuffer());
	return { ...fakeImage(name), id: await sha256(bytes), bytes };
}

async function page() {
	const samples = [sample(1), sample(2)];
	const { images } = await startedSession({ sampleScenes: async () => samples });
	const editor = new SceneEditor(atlas, compose(sceneOf(12)));
	const picture = new ScenePicture(editor, images, open);
	return { images, editor, picture, samples };
}

/** An edit, and the time in which a picture may follow it. */
async function edit({ editor, picture }: { editor: SceneEditor; picture: ScenePicture }, join = false) {
	vi.useFakeTimers({ toFake: ['setTimeout'] });
	opened = undefined;
	editor.nudge(1, 0);
	if (join) picture.join();
	picture.follow();
	await vi.advanceTimersByTimeAsync(1000);
	vi.useRealTimers();
	await (opened as Promise<unknown> | undefined);
	await settle();
}

test('the page begins with the scene at hand and changes no picture by being opened', async () => {
	const { images, editor, picture, samples } = await page();
	images.put(samples[1]!);
	await picture.meet(images.current!);
	expect([sceneWord(editor.scene), picture.joined]).toEqual([sceneWord(compose(sceneOf(2))), true]);
	expect([images.current, picture.word]).toEqual([samples[1], undefined]);
});

test('a photograph stays the picture however the scene is changed, until the scene is made the picture', async () => {
	const it = await page();
	const { images, picture } = it;
	const photograph = fakeImage('photograph');
	images.put(photograph);
	await picture.meet(photograph);
	await edit(it);
	expect([images.current, picture.joined]).toEqual([photograph, false]);
	await edit(it, true);
	expect(images.current?.scene).toEqual(it.editor.scene);
	expect(images.history).toContain(photograph);
	await edit(it);
	expect(images.current?.scene).toEqual(it.editor.scene);
});

test('the picture follows the scene that it is; another one taken at the left is begun with or left alone', async () => {
	const it = await page();
	const { images, editor, picture, samples } = it;
	await picture.meet(images.current!);
	await edit(it);
	expect(images.current).toMatchObject({ scene: editor.scene });
	expect(picture.word).toBe(sceneWord(editor.scene));
	images.put(samples[1]!);
	await picture.meet(samples[1]!);
	expect(sceneWord(editor.scene)).toBe(sceneWord(compose(sceneOf(2))));
	const photograph = fakeImage('photograph');
	images.put(photograph);
	await picture.meet(photograph);
	await edit(it);
	expect(images.current).toBe(photograph);
});

test('the scene of an address is shown beside the picture of the address, and joined where they are the same', async () => {
	const it = await page();
	const { images, editor, picture, samples } = it;
	picture.ask(compose(sceneOf(5)));
	await picture.meet(images.current!);
	expect([sceneWord(editor.scene), picture.joined, images.current]).toEqual([
		sceneWord(compose(sceneOf(5))),
		false,
		samples[0]
	]);
	await edit(it, true);
	const composed = images.current!;
	picture.ask(editor.scene);
	const again = { ...composed, scene: undefined };
	await picture.meet(again);
	expect(picture.joined).toBe(true);
});

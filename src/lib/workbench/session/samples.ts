import { decode, encode } from 'fast-png';
import { Atlas, type AtlasIndex, questions, renderScene, type Scene, type Task } from '../../scenes/index.ts';
import { scenesOf, type SceneRule } from '../../scenes/rule.ts';
import { openImage, type SessionImage } from './images.ts';

/** The first held-out scenes that have enough in them to ask about. */
const samples: SceneRule = { from: 0, count: 8, objects: 4 };

/** What is suggested: one question of each of these, where the scene has one. */
const asked: readonly Task[] = ['identity', 'localisation', 'existence', 'counting'];

/**
 * The sample scenes, or those of another rule, rendered as PNG files like any other image.
 * @param base the site's root, where `scenes/` lies (an absolute URL with a trailing slash)
 * @throws Error with a sentence when the sprites cannot be had
 */
export async function sampleScenes(base: string, rule = samples): Promise<SessionImage[]> {
	const atlas = await loadAtlas(base);
	return Promise.all(scenesOf(rule).map((scene) => toImage(scene, atlas)));
}

async function toImage(scene: Scene, atlas: Atlas): Promise<SessionImage> {
	const { width, height, data } = renderScene(scene, atlas);
	const file = new Uint8Array(encode({ width, height, data, channels: 4, depth: 8 }));
	const all = questions(scene, atlas.index);
	const suggested = asked.flatMap((task) => all.find((question) => question.task === task)?.question ?? []);
	return { ...(await openImage(new Blob([file]), `Scene ${scene.seed}`, suggested)), scene };
}

/** The sprites of the embedded model's world. @throws Error with a sentence when they cannot be had */
export async function loadAtlas(base: string): Promise<Atlas> {
	const [index, picture] = await Promise.all(
		['atlas.json', 'atlas.png'].map((name) => get(`scenes/${name}`, base))
	);
	try {
		const { width, height, data } = decode(await picture!.arrayBuffer());
		return new Atlas((await index!.json()) as AtlasIndex, {
			width,
			height,
			data: new Uint8ClampedArray(data)
		});
	} catch {
		throw new Error('The sample scenes’ sprites are damaged; install the workbench again.');
	}
}

async function get(path: string, base: string): Promise<Response> {
	const response = await fetch(new URL(path, base)).catch(() => undefined);
	if (!response?.ok) throw new Error('The sample scenes’ sprites could not be fetched; reload the page.');
	return response;
}

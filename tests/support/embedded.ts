import { readFileSync } from 'node:fs';
import { decode, encode } from 'fast-png';
import { decodeImage } from '../../src/cli/io/decode-image.ts';
import { openFolder } from '../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../src/cli/node-backend.ts';
import { HoneybeeModel } from '../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import type { ImageInput } from '../../src/lib/model/runtime/types.ts';
import { greedy } from '../../src/lib/model/runtime/sampling.ts';
import {
	Atlas,
	generateScene,
	questions,
	renderScene,
	type AtlasIndex,
	type Question,
	type Split
} from '../../src/lib/scenes/index.ts';

/** The embedded model's folder. */
export const embeddedModel = 'static/models/honeybee-mini';

const index = JSON.parse(readFileSync('static/scenes/atlas.json', 'utf8')) as AtlasIndex;
const sprites = decode(readFileSync('static/scenes/atlas.png'));
const atlas = new Atlas(index, {
	width: sprites.width,
	height: sprites.height,
	data: new Uint8ClampedArray(sprites.data)
});

/** A model folder in this process; its files are closed with the model. */
export async function openNodeModel(path: string): Promise<HoneybeeModel> {
	const source = await openFolder(path);
	const backend = createNodeBackend(path);
	const dispose = async () => {
		await backend.dispose();
		await source.close();
	};
	const folder = await openModelFolder(source);
	return HoneybeeModel.load({ backend: { ...backend, dispose }, folder, decodeImage });
}

/** A scene as the PNG file a user would put in, and its questions. */
export function scene(
	seed: number,
	split: Split = 'test'
): { image: ImageInput; questions: readonly Question[] } {
	const generated = generateScene(seed, split);
	const { width, height, data } = renderScene(generated, atlas);
	const bytes = encode({ width, height, data, channels: 4, depth: 8 });
	return {
		image: { id: `${split}/${seed}`, name: `${seed}.png`, bytes },
		questions: questions(generated, index)
	};
}

/** The greedy answer to one question about one image. */
export async function answer(
	model: HoneybeeModel,
	projector: string,
	image: ImageInput,
	question: string
): Promise<string> {
	for await (const event of model.answer({
		projector,
		turns: [{ question, images: [image] }],
		sampling: { ...greedy, max_new_tokens: 64 }
	}))
		if (event.type === 'done') return event.result.text.trim();
	throw new Error('The answer did not end.');
}

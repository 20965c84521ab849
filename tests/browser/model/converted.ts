import { sha256, type Hasher } from '../../../src/lib/bytes/hash.ts';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import type { SourceFolder } from '../../../src/lib/checkpoint/source.ts';
import { convert, type ConversionOptions } from '../../../src/lib/model/convert/convert.ts';
import type { DTypePreset, ModelManifest } from '../../../src/lib/model/manifest.ts';
import type { AnswerRequest } from '../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { readGolden, type Golden, type GoldenCase } from '../../support/golden.ts';
import { memorySink } from '../../support/memory-sink.ts';

const urls = import.meta.glob<string>('../../fixtures/golden/{*/last/*,*/golden.*,images/*}', {
	query: '?url',
	import: 'default',
	eager: true
});

async function fixture(path: string): Promise<Uint8Array> {
	const url = urls[`../../fixtures/golden/${path}`];
	if (!url) throw new Error(`There is no fixture ${path}.`);
	return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

export const goldenImage = (name: string) => fixture(`images/${name}`);

export async function fetchGolden(checkpoint: string): Promise<Golden> {
	const json = new TextDecoder().decode(await fixture(`${checkpoint}/golden.json`));
	return readGolden(json, await fixture(`${checkpoint}/golden.safetensors`));
}

/** What a golden case asks, greedily and for 20 tokens, of the model's only projector. */
export async function goldenRequest(
	{ projectors }: ModelManifest,
	{ prompt, images }: GoldenCase
): Promise<AnswerRequest> {
	return {
		projector: Object.keys(projectors)[0]!,
		turns: [
			{
				question: '',
				images: await Promise.all(
					images.map(async (image) => ({ id: image, name: image, bytes: await goldenImage(image) }))
				)
			}
		],
		sampling: { ...greedy, max_new_tokens: 20 },
		raw_prompt: prompt
	};
}

/** Converts a golden checkpoint in this page. @returns the files of the model folder */
export async function convertGolden(
	checkpoint: string,
	dtype: DTypePreset = 'fp32',
	options: Pick<ConversionOptions, 'languageLimit'> = {}
): Promise<Record<string, Uint8Array>> {
	const prefix = `../../fixtures/golden/${checkpoint}/last/`;
	const files: Record<string, Uint8Array> = {};
	for (const path of Object.keys(urls))
		if (path.startsWith(prefix))
			files[path.slice(prefix.length)] = await fixture(`${checkpoint}/last/${path.slice(prefix.length)}`);
	return convertFolder(memoryFolder(checkpoint, files), dtype, options);
}

/** Converts a checkpoint, or an fp32 model folder, in this page. @returns the files of the model folder */
export async function convertFolder(
	checkpoint: SourceFolder,
	dtype: DTypePreset,
	options: Pick<ConversionOptions, 'languageLimit' | 'tokenizer'> &
		Partial<Pick<ConversionOptions, 'resolve'>> = {}
): Promise<Record<string, Uint8Array>> {
	const sink = memorySink();
	// WebCrypto has no running hash: files are small here, so they are hashed again below, once they are whole.
	const manifest = await convert({
		checkpoint,
		sink,
		dtype,
		name: checkpoint.name,
		resolve: async () => undefined,
		...options,
		createHash: (): Hasher => ({ update: () => undefined, digest: () => ''.padStart(64, '0') })
	});
	const hashed = await Promise.all(
		manifest.files.map(async (file) => ({ ...file, sha256: await sha256(sink.files[file.path]!) }))
	);
	sink.files['honeybee.json'] = new TextEncoder().encode(JSON.stringify({ ...manifest, files: hashed }));
	return sink.files;
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolder } from '../../src/cli/io/disk.ts';
import { decodeImage } from '../../src/cli/io/decode-image.ts';
import { sha256 } from '../../src/cli/io/hash.ts';
import { openFolderSink } from '../../src/cli/io/sink.ts';
import { hashOnDisk } from '../../src/cli/hash-on-disk.ts';
import { createNodeBackend } from '../../src/cli/node-backend.ts';
import type { SourceFolder } from '../../src/lib/checkpoint/source.ts';
import { convert } from '../../src/lib/model/convert/convert.ts';
import type { DTypePreset, ModelManifest } from '../../src/lib/model/manifest.ts';
import { HoneybeeModel } from '../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import type { AnswerResult } from '../../src/lib/model/runtime/types.ts';
import { greedy } from '../../src/lib/model/runtime/sampling.ts';
import { folderInMemory } from './disk-folder.ts';

const golden = 'tests/fixtures/golden';

export interface ConvertAndAsk {
	readonly checkpoint: SourceFolder;
	/** The base of an adapter. */
	readonly base?: SourceFolder;
	readonly tokenizer?: SourceFolder;
	readonly dtype?: DTypePreset;
	readonly question?: string;
	readonly image?: string;
}

/** Converts a small checkpoint, asks once in Node, and takes everything away again. */
export async function convertAndAsk({
	checkpoint,
	base,
	tokenizer = folderInMemory(`${golden}/mlp/last`),
	dtype = 'fp32',
	question = 'what is this',
	image = `${golden}/images/scene_160x240.png`
}: ConvertAndAsk): Promise<{
	readonly result: AnswerResult;
	readonly manifest: ModelManifest;
	readonly notes: readonly string[];
}> {
	const root = await mkdtemp(join(tmpdir(), 'honeybee-case-'));
	const sink = await openFolderSink(root);
	const notes: string[] = [];
	let source: Awaited<ReturnType<typeof openFolder>> | undefined;
	let model: HoneybeeModel | undefined;
	try {
		const manifest = await convert({
			checkpoint,
			tokenizer,
			sink,
			dtype,
			name: 'case',
			resolve: async () => base,
			createHash: sha256,
			onNotes: (told) => notes.push(...told)
		});
		source = await openFolder(root);
		const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
		model = await HoneybeeModel.load({ backend: createNodeBackend(root), folder, decodeImage });
		const bytes = new Uint8Array(await readFile(image));
		for await (const event of model.answer({
			projector: Object.keys(manifest.projectors)[0]!,
			turns: [{ question, images: [{ id: image, name: image, bytes }] }],
			sampling: { ...greedy, max_new_tokens: 12 }
		}))
			if (event.type === 'done') return { result: event.result, manifest, notes };
		throw new Error('The answer ended before it was whole.');
	} finally {
		await model?.dispose();
		await source?.close();
		await sink.close();
		await rm(root, { recursive: true });
	}
}

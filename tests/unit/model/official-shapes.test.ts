import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/cli/io/hash.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { openFolderSink } from '../../../src/cli/io/sink.ts';
import { hashOnDisk } from '../../../src/cli/hash-on-disk.ts';
import { createNodeBackend } from '../../../src/cli/node-backend.ts';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import { convert } from '../../../src/lib/model/convert/convert.ts';
import { pickCheckpoint, subfolder } from '../../../src/lib/model/convert/pick.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { dtypePresets } from '../../../src/lib/model/convert/dtypes.ts';
import type { DTypePreset } from '../../../src/lib/model/manifest.ts';
import { unpackTarGz } from '../../../src/lib/model/convert/unpack.ts';
import { tar } from '../../browser/convert/tar-writer.ts';
import { officialCheckpoint } from '../../fullsize/checkpoint.ts';
import { compareWithReference, tolerances, type Reference } from '../../fullsize/compare.ts';
import { projectorTypes, type OfficialProjector } from '../../fullsize/shapes.ts';
import { memorySink } from '../../support/memory-sink.ts';
import { gzipSync } from 'node:zlib';

function collected(chunks: Iterable<Uint8Array>): Uint8Array {
	return new Uint8Array(Buffer.concat([...chunks]));
}

/** The official layout: a folder with `last`, two shards and an index, packed as .tar.gz. */
function archive(projector: OfficialProjector): Blob {
	const files = [...officialCheckpoint(projector, 16)].map(({ path, chunks }) => ({
		path: `run/last/${path}`,
		bytes: collected(chunks)
	}));
	const tokenizer = readFileSync(new URL('../../fixtures/golden/c-abs/last/tokenizer.json', import.meta.url));
	files.push({ path: 'tokenizer/tokenizer.json', bytes: new Uint8Array(tokenizer) });
	return new Blob([gzipSync(tar(files), { level: 1 })]);
}

/** Bytes of weights per language graph, so that there are three as of 7B in q4. */
const languageLimits: Readonly<Record<DTypePreset, number>> = { fp32: 40e6, fp16: 20e6, q4: 7e6, q4f16: 6e6 };

describe.each(projectorTypes)('%s at a sixteenth of the official width, all layers', (projector) => {
	let unpacked: ReturnType<typeof memorySink>;
	beforeAll(async () => {
		unpacked = memorySink();
		await unpackTarGz('run.tar.gz', archive(projector), unpacked, {
			room: Infinity,
			signal: new AbortController().signal,
			onProgress: () => undefined
		});
	}, 60_000);

	it.each(dtypePresets)('unpacked, converted to %s and run gives the numbers of PyTorch', async (dtype) => {
		const reference = JSON.parse(
			readFileSync(new URL(`../../fixtures/fullsize/${projector}.${dtype}.json`, import.meta.url), 'utf8')
		) as Reference;
		const folder = memoryFolder('', unpacked.files);
		const { path, tokenizer } = pickCheckpoint('run', await folder.list());
		expect(path).toBe('run/last');
		expect(Object.keys(unpacked.files)).toContain('run/last/pytorch_model-00002-of-00002.bin');
		const root = await mkdtemp(join(tmpdir(), 'honeybee-official-'));
		const sink = await openFolderSink(root);
		try {
			await convert({
				checkpoint: subfolder(folder, path),
				tokenizer: subfolder(folder, tokenizer!),
				sink,
				dtype,
				name: projector,
				resolve: async () => undefined,
				createHash: sha256,
				languageLimit: languageLimits[dtype]
			});
			const source = await openFolder(root);
			const files = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
			expect(files.manifest.config.text_config.num_hidden_layers).toBe(32);
			expect(files.manifest.config.vision_config.num_hidden_layers).toBe(24);
			expect(files.manifest.graphs.language.length).toBe(3);
			const { visual_embeds, logits } = await compareWithReference(files, createNodeBackend(root), reference);
			await source.close();
			expect(visual_embeds.relative, 'visual_embeds').toBeLessThan(tolerances[dtype]);
			expect(logits.relative, 'logits').toBeLessThan(tolerances[dtype]);
			expect(logits.argmax).toBe(true);
		} finally {
			await sink.close();
			await rm(root, { recursive: true });
		}
	});
});

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/cli/io/hash.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { openFolderSink } from '../../../src/cli/io/sink.ts';
import { createNodeBackend, hashOnDisk } from '../../../src/cli/node-backend.ts';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import { convert } from '../../../src/lib/model/convert/convert.ts';
import { pickCheckpoint, subfolder } from '../../../src/lib/model/convert/pick.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import type { DTypePreset } from '../../../src/lib/model/manifest.ts';
import { unpackTarGz } from '../../../src/workers/unpack.ts';
import { tar } from '../../browser/convert/tar-writer.ts';
import { officialCheckpoint } from '../../fullsize/checkpoint.ts';
import { compareWithReference, type Reference } from '../../fullsize/compare.ts';
import { projectorTypes, type OfficialProjector } from '../../fullsize/shapes.ts';
import { memorySink } from '../../support/memory-sink.ts';
import { gzipSync } from 'node:zlib';

/** Largest difference from PyTorch in float32, relative to the largest value. 4-bit weights of random matrices move far. */
const tolerances: Partial<Record<DTypePreset, number>> = { fp32: 1e-4, fp16: 2e-2 };

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

describe.each(projectorTypes)('%s at a sixteenth of the official width, all layers', (projector) => {
	it('unpacked, converted and run gives the numbers of PyTorch', async () => {
		const reference = JSON.parse(
			readFileSync(new URL(`../../fixtures/fullsize/${projector}.json`, import.meta.url), 'utf8')
		) as Reference;
		const unpacked = memorySink();
		await unpackTarGz('run.tar.gz', archive(projector), unpacked, {
			room: Infinity,
			signal: new AbortController().signal,
			onProgress: () => undefined
		});
		const folder = memoryFolder('', unpacked.files);
		const { path, tokenizer } = pickCheckpoint('run', await folder.list());
		expect(path).toBe('run/last');
		for (const dtype of ['fp32', 'fp16'] as const) {
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
					// As at full size: several language graphs.
					languageLimit: 40e6
				});
				const source = await openFolder(root);
				const files = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
				expect(files.manifest.graphs.language.length).toBeGreaterThan(1);
				const errors = await compareWithReference(files, createNodeBackend(root), reference);
				await source.close();
				const allowed = tolerances[dtype]!;
				expect(errors.visual_embeds, `${dtype} visual_embeds`).toBeLessThan(allowed);
				expect(errors.logits, `${dtype} logits`).toBeLessThan(allowed);
			} finally {
				await sink.close();
				await rm(root, { recursive: true });
			}
		}
	});
});

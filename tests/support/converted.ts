import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolder } from '../../src/cli/io/disk.ts';
import { sha256 } from '../../src/cli/io/hash.ts';
import { convert } from '../../src/lib/model/convert/convert.ts';
import type { DTypePreset } from '../../src/lib/model/manifest.ts';
import { openModelFolder, type ModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { memorySink } from './memory-sink.ts';
import { randomCheckpoint, type ConfigChanges } from './random-checkpoint.ts';

export interface Converted {
	readonly root: string;
	readonly folder: ModelFolder;
	/** Closes and removes it. */
	remove(): Promise<void>;
}

/** A model folder on disk of a small checkpoint of random weights. */
export async function converted(dtype: DTypePreset, changes: ConfigChanges): Promise<Converted> {
	const sink = memorySink();
	await convert({
		checkpoint: randomCheckpoint(changes),
		...{ sink, dtype, name: 'small', createHash: sha256 },
		resolve: () => Promise.reject(new Error('The checkpoint stands alone.'))
	});
	const root = await mkdtemp(join(tmpdir(), 'honeybee-converted-'));
	for (const [name, bytes] of Object.entries(sink.files)) await writeFile(join(root, name), bytes);
	const source = await openFolder(root);
	const folder = await openModelFolder(source);
	const remove = async () => {
		await source.close();
		await rm(root, { recursive: true });
	};
	return { root, folder, remove };
}

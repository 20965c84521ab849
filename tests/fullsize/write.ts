import { copyFile, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { officialCheckpoint, type CheckpointFile } from './checkpoint.ts';
import type { OfficialProjector, OfficialSize } from './shapes.ts';

/** Writes a randomly initialised checkpoint of an official shape, and a tokenizer. */
export async function writeOfficialCheckpoint(
	out: string,
	projector: OfficialProjector,
	divide: number,
	size: OfficialSize = '7b'
): Promise<void> {
	await writeCheckpoint(out, officialCheckpoint(projector, divide, size));
	// Any tokenizer that is smaller than the vocabulary does: the comparison gives ids.
	await copyFile(
		new URL('../fixtures/golden/c-abs/last/tokenizer.json', import.meta.url),
		join(out, 'tokenizer.json')
	);
}

/** Writes the files of a checkpoint as they are made. */
export async function writeCheckpoint(out: string, files: Iterable<CheckpointFile>): Promise<void> {
	await mkdir(out, { recursive: true });
	for (const { path, chunks } of files) {
		const file = await open(join(out, path), 'w');
		for (const chunk of chunks) await file.write(chunk);
		await file.close();
	}
}

import { copyFile, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { officialCheckpoint } from './checkpoint.ts';
import type { OfficialProjector, OfficialSize } from './shapes.ts';

/** Writes a randomly initialised checkpoint of an official shape, and a tokenizer. */
export async function writeOfficialCheckpoint(
	out: string,
	projector: OfficialProjector,
	divide: number,
	size: OfficialSize = '7b'
): Promise<void> {
	await mkdir(out, { recursive: true });
	for (const { path, chunks } of officialCheckpoint(projector, divide, size)) {
		const file = await open(join(out, path), 'w');
		for (const chunk of chunks) await file.write(chunk);
		await file.close();
	}
	// Any tokenizer that is smaller than the vocabulary does: the comparison gives ids.
	await copyFile(
		new URL('../fixtures/golden/c-abs/last/tokenizer.json', import.meta.url),
		join(out, 'tokenizer.json')
	);
}

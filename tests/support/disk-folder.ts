import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryFolder } from '../../src/lib/checkpoint/memory.ts';
import type { SourceFolder } from '../../src/lib/checkpoint/source.ts';

/** A small folder of the disk, read whole. `changes` take the place of its files, or stand beside them. */
export function folderInMemory(
	path: string,
	changes: Readonly<Record<string, string | Uint8Array>> = {}
): SourceFolder {
	const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	const read = files.map((entry): [string, Uint8Array] => {
		const file = join(entry.parentPath, entry.name);
		return [file.slice(path.length + 1), new Uint8Array(readFileSync(file))];
	});
	return memoryFolder(path.slice(path.lastIndexOf('/') + 1), { ...Object.fromEntries(read), ...changes });
}

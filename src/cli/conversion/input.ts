import { resolve } from 'node:path';
import { openTar } from '../../lib/checkpoint/tar.ts';
import { openCheckpointIn, type OpenCheckpoint } from '../../lib/model/convert/pick.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { openFile, openFolder, type Closable, type DiskOptions } from '../io/disk.ts';

/** Where a checkpoint lies; several threads can open it. */
export interface CheckpointLocation {
	/** The checkpoint's folder, a .tar that holds it, or a folder somewhere below which it is. */
	readonly kind: 'folder' | 'tar' | 'tree';
	readonly path: string;
}

/** Opens a checkpoint; an archive is read in place. @throws InputError when it is not there */
export async function openCheckpointAt(
	{ kind, path }: CheckpointLocation,
	options: DiskOptions = {}
): Promise<OpenCheckpoint & Closable> {
	if (kind !== 'folder') {
		const file = kind === 'tar' ? await openFile(path, options) : await openFolder(path, options);
		try {
			const found = await openCheckpointIn('read' in file ? await openTar(file) : file);
			return { ...found, close: () => file.close() };
		} catch (error) {
			await file.close();
			throw error;
		}
	}
	const checkpoint = await openFolder(path, options);
	const bases: Awaited<ReturnType<typeof openFolder>>[] = [];
	return {
		checkpoint,
		tokenizer: undefined,
		async resolve(relative) {
			try {
				const base = await openFolder(resolve(path, relative), options);
				bases.push(base);
				return base;
			} catch (error) {
				if (error instanceof InputError) return undefined;
				throw error;
			}
		},
		async close() {
			for (const folder of [checkpoint, ...bases]) await folder.close();
		}
	};
}

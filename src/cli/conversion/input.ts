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
	/** Folder of the vision tower, where it was named. */
	readonly vision?: string;
}

/** Opens a checkpoint; an archive is read in place. @throws InputError when it is not there */
export async function openCheckpointAt(
	{ kind, path, vision }: CheckpointLocation,
	options: DiskOptions = {}
): Promise<OpenCheckpoint & Closable> {
	if (kind !== 'folder') {
		const file = kind === 'tar' ? await openFile(path, options) : await openFolder(path, options);
		try {
			const found = await openCheckpointIn('read' in file ? await openTar(file) : file);
			const tower = vision === undefined ? undefined : await openFolder(vision, options);
			return {
				...found,
				resolve: async (relative, role) =>
					role === 'vision' && tower ? tower : found.resolve(relative, role),
				async close() {
					await tower?.close();
					await file.close();
				}
			};
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
		async resolve(relative, role) {
			const places =
				role === 'vision'
					? vision === undefined
						? [resolve(path, relative), resolve(path, '..', relative)]
						: [vision]
					: [resolve(path, relative)];
			for (const place of places)
				try {
					const folder = await openFolder(place, options);
					bases.push(folder);
					return folder;
				} catch (error) {
					if (!(error instanceof InputError) || place === vision) throw error;
				}
			return undefined;
		},
		async close() {
			for (const folder of [checkpoint, ...bases]) await folder.close();
		}
	};
}

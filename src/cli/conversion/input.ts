import { resolve } from 'node:path';
import { ADAPTER_CONFIG } from '../../lib/checkpoint/peft.ts';
import type { SourceFolder } from '../../lib/checkpoint/source.ts';
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
	/** Folder of an adapter's base, where it was named. */
	readonly base?: string;
}

/** Opens a checkpoint; an archive is read in place. @throws InputError when it is not there */
export async function openCheckpointAt(
	{ kind, path, vision, base }: CheckpointLocation,
	options: DiskOptions = {}
): Promise<OpenCheckpoint & Closable> {
	const opened: Closable[] = [];
	const open = async (place: string) => {
		const folder = await openFolder(place, options);
		opened.push(folder);
		return folder;
	};
	const close = async () => {
		for (const one of opened) await one.close();
	};
	try {
		const named = {
			vision: vision === undefined ? undefined : await open(vision),
			base: base === undefined ? undefined : await open(base)
		};
		const found = kind === 'folder' ? await folderAt(path, open) : await treeAt(kind, path, options, opened);
		if (named.base && !(await found.checkpoint.open(ADAPTER_CONFIG)))
			throw new InputError(
				`${path} is no LoRA adapter (it has no ${ADAPTER_CONFIG}), so that it has no base; leave --base out.`
			);
		return {
			...found,
			resolve: async (relative, role) => named[role] ?? found.resolve(relative, role),
			close
		};
	} catch (error) {
		await close();
		throw error;
	}
}

async function treeAt(
	kind: 'tar' | 'tree',
	path: string,
	options: DiskOptions,
	opened: Closable[]
): Promise<OpenCheckpoint> {
	const file = kind === 'tar' ? await openFile(path, options) : await openFolder(path, options);
	opened.push(file);
	return openCheckpointIn('read' in file ? await openTar(file) : file);
}

async function folderAt(
	path: string,
	open: (place: string) => Promise<SourceFolder>
): Promise<OpenCheckpoint> {
	return {
		checkpoint: await open(path),
		tokenizer: undefined,
		async resolve(relative, role) {
			const places = [resolve(path, relative), ...(role === 'vision' ? [resolve(path, '..', relative)] : [])];
			for (const place of places)
				try {
					return await open(place);
				} catch (error) {
					if (!(error instanceof InputError)) throw error;
				}
			return undefined;
		}
	};
}

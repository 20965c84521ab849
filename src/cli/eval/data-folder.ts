import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ByteSource, SourceFolder } from '../../lib/checkpoint/source.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { openFolder, pathInside } from '../io/disk.ts';

/**
 * A folder of a benchmark, with thousands of small files: a file is open only while it is read.
 * @throws InputError when there is no such folder
 */
export async function openDataFolder(path: string): Promise<SourceFolder> {
	const folder = await openFolder(path);
	const root = resolve(path);
	await folder.close();
	return {
		name: path,
		list: folder.list,
		open: (name) => openData(pathInside(root, name), name)
	};
}

async function openData(target: string, name: string): Promise<ByteSource | undefined> {
	const info = await stat(target).catch(() => undefined);
	if (!info?.isFile()) return undefined;
	return {
		name,
		size: info.size,
		async read(start, end) {
			const handle = await open(target, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
				throw new InputError(`${name} cannot be read (${error.code}).`);
			});
			try {
				const bytes = new Uint8Array(end - start);
				let done = 0;
				while (done < bytes.length) {
					const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
					if (bytesRead === 0) throw new InputError(`${name} became shorter while it was read.`);
					done += bytesRead;
				}
				return bytes;
			} finally {
				await handle.close();
			}
		}
	};
}

import { mkdir, open, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RunStorage } from '../../lib/benchmarks/run/storage.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { pathInside } from '../io/disk.ts';

/** A run's folder on disk. A full or read-only disk is an InputError. */
export function diskStorage(root: string): RunStorage {
	const appending = new Map<string, FileHandle>();
	const target = async (path: string) => {
		const joined = pathInside(root, path);
		await mkdir(dirname(joined), { recursive: true });
		return joined;
	};
	const explain = async <T>(path: string, operation: () => Promise<T>): Promise<T> => {
		try {
			return await operation();
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === undefined) throw error;
			throw new InputError(
				`${root}/${path} cannot be written (${code}); free space or choose another folder.`
			);
		}
	};
	return {
		name: root,
		async read(path) {
			try {
				return new Uint8Array(await readFile(pathInside(root, path)));
			} catch (error) {
				const { code } = error as NodeJS.ErrnoException;
				if (code === 'ENOENT') return undefined;
				throw new InputError(`${root}/${path} cannot be read (${code}).`);
			}
		},
		write: (path, content) =>
			explain(path, async () => {
				const file = await target(path);
				await writeFile(`${file}.part`, content);
				await rename(`${file}.part`, file);
			}),
		append: (path, text) =>
			explain(path, async () => {
				let handle = appending.get(path);
				if (!handle) {
					handle = await open(await target(path), 'a');
					appending.set(path, handle);
				}
				await handle.appendFile(text);
			}),
		truncate: (path, size) => explain(path, async () => truncate(await target(path), size)),
		async close() {
			for (const handle of appending.values()) await handle.close();
			appending.clear();
		}
	};
}

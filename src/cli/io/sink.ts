import { writeSync } from 'node:fs';
import { mkdir, open, rename, rm, rmdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FileWriter, FolderSink } from '../../lib/model/convert/sink.ts';
import { openFolder, pathInside } from './disk.ts';
import type { Closable, DiskOptions } from './disk.ts';
import { explainWrite } from './output.ts';

/**
 * A folder on disk that files are written into; it is made when needed. A file is written as `<name>.part` and renamed
 * by `close`, so that a file of its name is always whole; a large one is on the disk by then, so that this outlives a power
 * cut. A full or read-only disk is an InputError.
 */
export async function openFolderSink(
	path: string,
	options: DiskOptions = {}
): Promise<FolderSink & Closable & { withdraw(): Promise<void> }> {
	const made = await explainWrite(mkdir(path, { recursive: true }), path);
	const folder = await openFolder(path, options);
	return {
		folder,
		/** Takes back the folders that were made for it, as far as nothing lies in them. */
		async withdraw() {
			if (made === undefined) return;
			const outermost = resolve(made);
			for (let empty = resolve(path); ; empty = dirname(empty)) {
				const gone = await rmdir(empty).then(
					() => true,
					() => false
				);
				if (!gone || empty === outermost) return;
			}
		},
		create: async (name) => createFile(pathInside(path, name), options),
		async remove(name) {
			const target = pathInside(path, name);
			await explainWrite(rm(target, { force: true }), target);
		},
		close: () => folder.close()
	};
}

async function createFile(target: string, { blocking = false }: DiskOptions): Promise<FileWriter> {
	const part = `${target}.part`;
	await explainWrite(mkdir(dirname(target), { recursive: true }), target);
	const handle = await explainWrite(open(part, 'w'), target);
	// Written to the disk while more is made, so that `close` has little left to wait for.
	let unsynced = 0;
	let total = 0;
	let syncing: Promise<void> | undefined;
	let syncError: Error | undefined;
	const sync = () => {
		unsynced = 0;
		syncing = handle.datasync().then(
			() => (syncing = undefined),
			(error: Error) => {
				syncing = undefined;
				syncError ??= error;
			}
		);
	};
	const finish = async () => {
		await syncing;
		if (syncError) throw syncError;
		if (total >= SYNC_EVERY) await handle.datasync();
		await handle.close();
		await rename(part, target);
	};
	const abort = async () => {
		await syncing;
		await handle.close().catch(() => undefined);
		await rm(part, { force: true });
	};
	const orAbort = async (operation: Promise<unknown>) => {
		try {
			await explainWrite(operation, target);
		} catch (error) {
			await abort();
			throw error;
		}
	};
	return {
		async write(bytes) {
			await orAbort(writeAll(handle, bytes, blocking));
			unsynced += bytes.length;
			total += bytes.length;
			if (unsynced >= SYNC_EVERY && !syncing) sync();
		},
		close: () => orAbort(finish()),
		abort
	};
}

/** Waiting for the disk takes as long for a small file as for much more. */
const SYNC_EVERY = 32 * 2 ** 20;

/** Node writes at most 2 GiB − 1 byte in one call, and may write less than it was given. */
const WRITE_LIMIT = 2 ** 30;

async function writeAll(handle: FileHandle, bytes: Uint8Array, blocking: boolean): Promise<void> {
	for (let done = 0; done < bytes.length;) {
		const length = Math.min(bytes.length - done, WRITE_LIMIT);
		done += blocking
			? writeSync(handle.fd, bytes, done, length)
			: (await handle.write(bytes, done, length)).bytesWritten;
	}
}

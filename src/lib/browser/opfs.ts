import { blobSource } from '../checkpoint/memory.ts';
import type { SourceFolder } from '../checkpoint/source.ts';
import type { FileWriter, FolderSink } from '../model/convert/sink.ts';
import type { ModelSource } from '../model/runtime/model-source.ts';
import { InputError } from '../tensor/errors.ts';
import { storageError } from './storage-error.ts';

/**
 * The origin's private file system: `models/<name>` are model folders, `staging/<name>` archives unpacked for a conversion.
 */
export const OPFS_MODELS = 'models';
export const OPFS_STAGING = 'staging';

/** Ends the name of a file that is not whole yet. */
const PART = '.part';

/** A name that is a folder's name in every file system and in a URL. @throws InputError */
export function checkModelName(name: string): string {
	if (!/^[\p{L}\p{N}][\p{L}\p{N} ._+-]{0,79}$/u.test(name) || /[ .]$/.test(name))
		throw new InputError(
			`"${name}" cannot be the name of a model: letters, digits, spaces and . _ + - are allowed, up to 80 of them.`
		);
	return name;
}

/** Whether this browser gives the page files of its own. */
export async function hasOpfs(): Promise<boolean> {
	try {
		await navigator.storage.getDirectory();
		return true;
	} catch {
		return false;
	}
}

/** A folder below the root; undefined when it is not there and not to be made. */
export async function opfsDirectory(
	path: readonly string[],
	create = false
): Promise<FileSystemDirectoryHandle | undefined> {
	let folder: FileSystemDirectoryHandle | undefined = await navigator.storage.getDirectory();
	for (const part of path)
		folder = folder && (await orUndefined(folder.getDirectoryHandle(part, { create })));
	return folder;
}

/** A folder of the private file system, to read from. */
export function opfsFolder(
	name: string,
	folder: FileSystemDirectoryHandle
): SourceFolder & Required<Pick<ModelSource, 'blob'>> {
	const blob = async (path: string) => {
		const [place, file] = await locate(folder, path, false);
		const handle = place && (await orUndefined(place.getFileHandle(file)));
		return handle?.getFile();
	};
	return {
		name,
		async list() {
			return (await listFiles(folder)).filter((path) => !path.endsWith(PART));
		},
		async open(path) {
			const file = await blob(path);
			return file && blobSource(path, file);
		},
		blob
	};
}

async function locate(
	folder: FileSystemDirectoryHandle,
	path: string,
	create: boolean
): Promise<[FileSystemDirectoryHandle | undefined, string]> {
	const parts = path.split('/');
	const file = parts.pop()!;
	let place: FileSystemDirectoryHandle | undefined = folder;
	for (const part of parts) place = place && (await orUndefined(place.getDirectoryHandle(part, { create })));
	return [place, file];
}

/** Paths of all files below a folder. */
export async function listFiles(folder: FileSystemDirectoryHandle, prefix = ''): Promise<string[]> {
	const paths: string[] = [];
	for await (const handle of folder.values())
		if (handle.kind === 'file') paths.push(prefix + handle.name);
		else paths.push(...(await listFiles(handle, `${prefix}${handle.name}/`)));
	return paths;
}

/** A writer that goes on where an earlier one was cut off. */
export interface ResumableWriter extends FileWriter {
	/** Bytes that are there already. */
	readonly length: number;
	/** Those bytes, to be hashed again. */
	read(start: number, end: number): Promise<Uint8Array>;
	/** Keeps what was written for another time. */
	pause(): Promise<void>;
	/** Drops what is there. */
	restart(): void;
}

export interface OpfsSink extends FolderSink {
	resume(path: string): Promise<ResumableWriter>;
}

/**
 * Writes files into a folder of the private file system; works in workers only (synchronous access handles). A file is written
 * as `<name>.part` and moved by `close`, so that a file of its name is always whole. A full storage is an InputError.
 */
export function opfsSink(name: string, folder: FileSystemDirectoryHandle): OpfsSink {
	const open = async (path: string): Promise<ResumableWriter> => {
		const [place, file] = await locate(folder, path, true);
		if (!place)
			throw new InputError(`${path} cannot be written in ${name}: a file lies where a folder is needed.`);
		const handle = await explain(place.getFileHandle(file + PART, { create: true }), path);
		const access = await exclusiveAccess(handle, path);
		let at = access.getSize();
		let open = true;
		const release = () => {
			if (open) access.close();
			open = false;
		};
		return {
			get length() {
				return at;
			},
			async read(start, end) {
				const bytes = new Uint8Array(end - start);
				if (access.read(bytes, { at: start }) !== bytes.length)
					throw new Error(`${path} became shorter while it was read.`);
				return bytes;
			},
			async write(bytes) {
				try {
					for (let done = 0; done < bytes.length;) {
						const part = bytes.subarray(done) as Uint8Array<ArrayBuffer>;
						const written = access.write(part, { at: at + done });
						if (written <= 0) throw new DOMException('Nothing was written.', 'QuotaExceededError');
						done += written;
					}
				} catch (error) {
					throw storageError(error, path);
				}
				at += bytes.length;
			},
			async close() {
				try {
					access.flush();
				} catch (error) {
					throw storageError(error, path);
				} finally {
					release();
				}
				await explain(move(place, handle, file), path);
			},
			async pause() {
				if (open) access.flush();
				release();
			},
			restart() {
				access.truncate(0);
				at = 0;
			},
			async abort() {
				release();
				await place.removeEntry(file + PART).catch(() => undefined);
			}
		};
	};
	return {
		folder: opfsFolder(name, folder),
		async create(path) {
			const writer = await open(path);
			writer.restart();
			return writer;
		},
		resume: open,
		async remove(path) {
			const [place, file] = await locate(folder, path, false);
			for (const entry of [file, file + PART]) if (place) await orUndefined(place.removeEntry(entry));
		}
	};
}

/** The handle of a worker that was ended a moment ago may still hold the file. */
async function exclusiveAccess(
	handle: FileSystemFileHandle,
	path: string
): Promise<FileSystemSyncAccessHandle> {
	for (let attempt = 0; ; attempt++)
		try {
			return await handle.createSyncAccessHandle();
		} catch (error) {
			const busy = error instanceof DOMException && error.name === 'NoModificationAllowedError';
			if (!busy || attempt === 40) throw storageError(error, path);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
}

/** Not in TypeScript's library yet. */
interface MovableHandle {
	move?(name: string): Promise<void>;
}

async function move(
	place: FileSystemDirectoryHandle,
	handle: FileSystemFileHandle & MovableHandle,
	name: string
): Promise<void> {
	if (!handle.move)
		throw new InputError(
			'This browser cannot rename files in its storage, so a model cannot be kept safely; use a current browser.'
		);
	try {
		await handle.move(name);
	} catch (error) {
		// Some browsers do not replace an older file.
		if (!(await orUndefined(place.getFileHandle(name)))) throw error;
		await place.removeEntry(name);
		await handle.move(name);
	}
}

async function explain<T>(operation: Promise<T>, path: string): Promise<T> {
	try {
		return await operation;
	} catch (error) {
		throw storageError(error, path);
	}
}

/** Undefined for what is not there. */
export async function orUndefined<T>(handle: Promise<T>): Promise<T | undefined> {
	try {
		return await handle;
	} catch (error) {
		if (
			error instanceof DOMException &&
			(error.name === 'NotFoundError' || error.name === 'TypeMismatchError')
		)
			return undefined;
		throw error;
	}
}

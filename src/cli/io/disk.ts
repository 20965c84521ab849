import { constants, readSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ByteSource, SourceFolder } from '../../lib/checkpoint/source.ts';
import { InputError } from '../../lib/tensor/errors.ts';

/** Node reads at most 2 GiB − 1 byte in one call. */
const READ_LIMIT = 2 ** 30;

/** Something that holds open files. */
export interface Closable {
	close(): Promise<void>;
}

export interface DiskOptions {
	/**
	 * Reads and writes stop the thread, for one that has nothing else to do: what was read then lies in its core's own cache, and
	 * nobody is woken.
	 */
	readonly blocking?: boolean;
}

/** Opens a file for reads by range through one descriptor. */
export async function openFile(path: string, options: DiskOptions = {}): Promise<ByteSource & Closable> {
	const source = await tryOpenFile(path, basename(path), options);
	if (source) return source;
	const info = await orExplain(path, stat(path));
	throw new InputError(
		info?.isDirectory() ? `${path} is a folder; give a file.` : `There is no file ${path}.`
	);
}

/** `path` joined to a folder, refused when it leads out of it. */
export function pathInside(folder: string, path: string): string {
	const joined = join(folder, path);
	if (path.split(/[\\/]/).includes('..') || resolve(folder, path) !== resolve(joined))
		throw new InputError(`${path} is not a path inside ${folder}.`);
	return joined;
}

/** Opens a folder. A file stays open once asked for, until `close`; one that was replaced since is opened anew. */
export async function openFolder(path: string, options: DiskOptions = {}): Promise<SourceFolder & Closable> {
	const root = resolve(path);
	const info = await orExplain(path, stat(root));
	if (!info) throw new InputError(`There is no folder ${path}.`);
	if (!info.isDirectory()) throw new InputError(`${path} is a file, not a folder.`);
	/** One that is asked for twice at a time is opened once. */
	const files = new Map<string, Promise<DiskFile | undefined>>();
	const replaced: DiskFile[] = [];

	return {
		name: path,
		list: () => listFiles(root),
		async open(name) {
			const target = pathInside(root, name);
			const opening = (files.get(name) ?? Promise.resolve(undefined)).then(async (before) => {
				if (before && (await before.isCurrent(target))) return before;
				if (before) replaced.push(before);
				return tryOpenFile(target, name, options);
			});
			// A failure is the asker's; the next one tries anew.
			files.set(
				name,
				opening.catch(() => undefined)
			);
			return opening;
		},
		async close() {
			const all = [...replaced.splice(0), ...(await Promise.all(files.values()))];
			files.clear();
			for (const file of all) await file?.close();
		}
	};
}

interface DiskFile extends ByteSource, Closable {
	/** Whether the path still leads to what was opened. */
	isCurrent(path: string): Promise<boolean>;
}

async function tryOpenFile(
	path: string,
	name: string,
	{ blocking = false }: DiskOptions
): Promise<DiskFile | undefined> {
	const handle = await orExplain(path, open(path, constants.O_RDONLY));
	if (!handle) return undefined;
	const info = await handle.stat();
	if (!info.isFile()) {
		await handle.close();
		return undefined;
	}
	const part: ReadPart = blocking
		? blockingReads(handle.fd)
		: async (bytes, at, length, position) => (await handle.read(bytes, at, length, position)).bytesRead;
	return {
		name,
		size: info.size,
		read: (start, end, into) => readBytes(part, name, info.size, start, end, into),
		close: () => handle.close(),
		async isCurrent(at) {
			const now = await stat(at).catch(() => undefined);
			return now?.ino === info.ino && now.dev === info.dev && now.size === info.size;
		}
	};
}

/** Reads into `bytes` from `at` on. @returns how many it read */
type ReadPart = (bytes: Uint8Array, at: number, length: number, position: number) => number | Promise<number>;

/** A thread that only ever blocks would hear no message, such as that it is to stop. */
const LISTEN_MS = 30;

function blockingReads(file: number): ReadPart {
	let listened = performance.now();
	return async (bytes, at, length, position) => {
		if (performance.now() - listened > LISTEN_MS) {
			await setImmediate();
			listened = performance.now();
		}
		return readSync(file, bytes, at, length, position);
	};
}

async function readBytes(
	part: ReadPart,
	name: string,
	size: number,
	start: number,
	end: number,
	into?: Uint8Array
): Promise<Uint8Array> {
	if (!(start >= 0 && start <= end && end <= size))
		throw new RangeError(`Bytes ${start} to ${end} are outside ${name} (${size} bytes).`);
	const bytes = into?.length === end - start ? into : new Uint8Array(end - start);
	for (let done = 0; done < bytes.length;) {
		const length = Math.min(READ_LIMIT, bytes.length - done);
		const bytesRead = await part(bytes, done, length, start + done);
		if (bytesRead === 0) throw new InputError(`${name} became shorter while it was read.`);
		done += bytesRead;
	}
	return bytes;
}

/** Paths of all files below a folder; a link to a file counts as one, a link to a folder is not followed. */
async function listFiles(root: string, prefix = ''): Promise<string[]> {
	const paths: string[] = [];
	const items = await readdir(join(root, prefix), { withFileTypes: true });
	for (const item of items.sort((a, b) => (a.name < b.name ? -1 : 1))) {
		const path = prefix + item.name;
		if (item.isDirectory()) paths.push(...(await listFiles(root, `${path}/`)));
		else if (item.isFile()) paths.push(path);
		else if (item.isSymbolicLink()) {
			const target = await stat(join(root, path)).catch(() => undefined);
			if (target?.isFile()) paths.push(path);
		}
	}
	return paths;
}

/** The result; undefined when there is nothing of that path; an InputError when it may not be read. */
async function orExplain<T>(path: string, operation: Promise<T>): Promise<T | undefined> {
	try {
		return await operation;
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
		if (code === 'EACCES' || code === 'EPERM')
			throw new InputError(`${path} may not be read: permission denied.`);
		throw error;
	}
}

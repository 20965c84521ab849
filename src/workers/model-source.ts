import { blobSource, memorySource } from '../lib/checkpoint/memory.ts';
import type { ModelSource } from '../lib/model/runtime/model-folder.ts';
import { InputError } from '../lib/tensor/errors.ts';
import type { ModelLocation } from './api.ts';

/** Folder of the origin's private file system in which model folders lie. */
export const OPFS_MODELS = 'models';

export function openModelSource(location: ModelLocation): Promise<ModelSource> {
	return location.kind === 'url' ? Promise.resolve(httpSource(location.url)) : opfsSource(location.name);
}

/** A model folder on a server. @param url With a trailing slash. */
export function httpSource(url: string, fetcher: typeof fetch = (...args) => fetch(...args)): ModelSource {
	const name = decodeURIComponent(url.replace(/\/$/, '').split('/').at(-1) ?? url);
	const load: NonNullable<ModelSource['load']> = async (path, { fresh, onBytes }) => {
		const interrupted = () =>
			new Error(`${path} of ${name} could not be downloaded; check the connection and load the model again.`);
		const response = await fetcher(new URL(path, url), { cache: fresh ? 'reload' : 'default' }).catch(() => {
			throw interrupted();
		});
		// A server of single-page apps answers unknown paths with its page.
		if (response.status === 404 || response.headers.get('content-type')?.startsWith('text/html'))
			return undefined;
		if (!response.ok)
			throw new Error(
				`${path} of ${name} could not be downloaded (HTTP ${response.status}); load the model again.`
			);
		return readBody(response, onBytes).catch(() => {
			throw interrupted();
		});
	};
	return {
		name,
		load,
		list: () => Promise.reject(new Error('A folder on a server has no list of files.')),
		async open(path) {
			const bytes = await load(path, { fresh: false, onBytes: () => undefined });
			return bytes && memorySource(path, bytes);
		}
	};
}

async function readBody(response: Response, onBytes: (loaded: number) => void): Promise<Uint8Array> {
	if (!response.body) return new Uint8Array(await response.arrayBuffer());
	// With a content encoding the length is that of the encoded bytes.
	const known = response.headers.has('content-encoding')
		? 0
		: Number(response.headers.get('content-length') ?? 0);
	let bytes = new Uint8Array(known);
	let length = 0;
	for (const reader = response.body.getReader(); ;) {
		const { done, value } = await reader.read();
		if (done) break;
		if (length + value.length > bytes.length) {
			const larger = new Uint8Array(Math.max(length + value.length, bytes.length * 2));
			larger.set(bytes.subarray(0, length));
			bytes = larger;
		}
		bytes.set(value, length);
		length += value.length;
		onBytes(length);
	}
	return length === bytes.length ? bytes : bytes.slice(0, length);
}

/** A model folder in the origin's private file system. @throws InputError when there is none of that name. */
async function opfsSource(name: string): Promise<ModelSource> {
	const missing = () =>
		new InputError(
			`There is no model "${name}" in this browser's storage; choose another one or import it again.`
		);
	const root = await navigator.storage.getDirectory();
	const models = await orUndefined(root.getDirectoryHandle(OPFS_MODELS));
	const folder = models && (await orUndefined(models.getDirectoryHandle(name)));
	if (!folder) throw missing();
	return {
		name,
		list: () => listFiles(folder),
		async open(path) {
			const parts = path.split('/');
			const file = parts.pop()!;
			let place: FileSystemDirectoryHandle | undefined = folder;
			for (const part of parts) place = place && (await orUndefined(place.getDirectoryHandle(part)));
			const handle = place && (await orUndefined(place.getFileHandle(file)));
			return handle && blobSource(path, await handle.getFile());
		}
	};
}

async function listFiles(folder: FileSystemDirectoryHandle, prefix = ''): Promise<string[]> {
	const paths: string[] = [];
	for await (const handle of folder.values())
		if (handle.kind === 'file') paths.push(prefix + handle.name);
		else paths.push(...(await listFiles(handle, `${prefix}${handle.name}/`)));
	return paths;
}

/** Undefined for what is not there. */
async function orUndefined<T>(handle: Promise<T>): Promise<T | undefined> {
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

import { blobSource, memorySource } from '../checkpoint/memory.ts';
import type { ModelSource } from '../model/runtime/model-source.ts';
import { MANIFEST_FILE, type ModelFile } from '../model/manifest.ts';
import { InputError } from '../tensor/errors.ts';
import { holdModel } from './model-locks.ts';
import { opfsDirectory, opfsFolder, OPFS_MODELS } from './opfs.ts';

export { OPFS_MODELS };

/** Where a model folder lies. `url` is the folder's URL with a trailing slash; `memory` is lost with the page. */
export type ModelLocation =
	| { readonly kind: 'url'; readonly url: string }
	| { readonly kind: 'opfs'; readonly name: string }
	| { readonly kind: 'memory'; readonly name: string; readonly files: Readonly<Record<string, Blob>> };

/** The model's files. One in the browser's storage cannot be deleted from now on for as long as this worker lives. */
export async function openModelSource(location: ModelLocation): Promise<ModelSource> {
	switch (location.kind) {
		case 'url':
			return httpSource(location.url);
		case 'opfs':
			return opfsSource(location.name);
		case 'memory':
			return {
				name: location.name,
				list: async () => Object.keys(location.files),
				async open(path) {
					const blob = location.files[path];
					return blob && blobSource(path, blob);
				},
				blob: async (path) => location.files[path]
			};
	}
}

/** A model folder on a server. @param url With a trailing slash. */
export function httpSource(url: string, fetcher: typeof fetch = (...args) => fetch(...args)): ModelSource {
	const name = decodeURIComponent(url.replace(/\/$/, '').split('/').at(-1) ?? url);
	/** @param begin called once the file is known to be there, with its length where that is known, or 0. @returns whether it is */
	const download = async (
		path: string,
		fresh: boolean,
		begin: (length: number) => (piece: Uint8Array) => void
	): Promise<boolean> => {
		const interrupted = () =>
			new Error(`${path} of ${name} could not be downloaded; check the connection and load the model again.`);
		const response = await fetcher(new URL(path, url), { cache: fresh ? 'reload' : 'default' }).catch(() => {
			throw interrupted();
		});
		// A server of single-page apps answers unknown paths with its page.
		if (response.status === 404 || response.headers.get('content-type')?.startsWith('text/html'))
			return false;
		if (!response.ok)
			throw new Error(
				`${path} of ${name} could not be downloaded (HTTP ${response.status}); load the model again.`
			);
		const goOn = async (from: number) => {
			const rest = await fetcher(new URL(path, url), {
				cache: 'no-store',
				headers: { Range: `bytes=${from}-` }
			});
			if (rest.status !== 206) throw new NoRangesError();
			return rest;
		};
		// With a content encoding the length is that of the encoded bytes.
		const { headers } = response;
		const known = headers.has('content-encoding') ? 0 : Number(headers.get('content-length') ?? 0);
		const take = begin(known);
		let refusal: { readonly error: unknown } | undefined;
		const taking = (piece: Uint8Array) => {
			try {
				take(piece);
			} catch (error) {
				refusal = { error };
				throw error;
			}
		};
		await readBody(response, known, { take: taking, goOn, refused: () => refusal !== undefined }).catch(
			() => {
				throw refusal ? refusal.error : interrupted();
			}
		);
		return true;
	};
	const load: NonNullable<ModelSource['load']> = async (path, { fresh, onBytes }) => {
		let bytes = new Uint8Array(0);
		let length = 0;
		const there = await download(path, fresh, (known) => {
			bytes = new Uint8Array(known);
			return (piece) => {
				if (length + piece.length > bytes.length) {
					const larger = new Uint8Array(Math.max(length + piece.length, bytes.length * 2));
					larger.set(bytes.subarray(0, length));
					bytes = larger;
				}
				bytes.set(piece, length);
				length += piece.length;
				onBytes(length);
			};
		});
		if (!there) return undefined;
		return length === bytes.length ? bytes : bytes.slice(0, length);
	};
	return {
		name,
		load,
		stream: (path, { fresh, take }) => download(path, fresh, () => take),
		list: () => Promise.reject(new Error('A folder on a server has no list of files.')),
		async open(path) {
			const bytes = await load(path, { fresh: false, onBytes: () => undefined });
			return bytes && memorySource(path, bytes);
		}
	};
}

/** Times in a row that a download is tried where nothing comes, before it is given up. */
const ATTEMPTS = 4;

/** Milliseconds before an attempt, times how many were in vain. */
const PAUSE = 200;
const pause = (attempts: number) => new Promise((resolve) => setTimeout(resolve, PAUSE * attempts));

class NoRangesError extends Error {
	override readonly name = 'NoRangesError';
}

interface BodyReader {
	readonly take: (piece: Uint8Array) => void;
	/** Gives the rest from a byte on, when the connection was cut there; where it rejects, that counts as an attempt, unless with NoRangesError. */
	readonly goOn: (from: number) => Promise<Response>;
	/** Whether `take` has thrown, after which nothing is tried again. */
	readonly refused: () => boolean;
}

/** A whole response body, piece by piece. @param known its length, or 0 where that is not known */
async function readBody(first: Response, known: number, { take, goOn, refused }: BodyReader): Promise<void> {
	let length = 0;
	const read = async (response: Response) => {
		if (!response.body) throw new TypeError('The response has no body.');
		for (const reader = response.body.getReader(); ;) {
			const { done, value } = await reader.read();
			if (done) break;
			length += value.length;
			take(value);
		}
		if (length < known) throw new TypeError('The connection was cut.');
	};
	let response: Response | undefined = first;
	for (let attempt = 1; ; attempt++) {
		const before = length;
		try {
			return await read(response ?? (await goOn(length)));
		} catch (error) {
			// A cut that let nothing through counts; one that let something through does not.
			if (length > before) attempt = 0;
			if (known === 0 || attempt >= ATTEMPTS || error instanceof NoRangesError || refused()) throw error;
			response = undefined;
			await pause(attempt);
		}
	}
}

/**
 * A file of a model folder on a server as it comes, from byte `from` on. Where the connection is cut it goes on with a range
 * request; a server without ranges sends the file again and what is known already is left out.
 * @throws InputError when the server has no such file; Error when the connection stays broken
 */
export async function* httpStream(
	url: string,
	{ path, size }: Pick<ModelFile, 'path' | 'size'>,
	from: number,
	signal: AbortSignal,
	fetcher: typeof fetch = (...args) => fetch(...args)
): AsyncGenerator<Uint8Array, void, void> {
	let at = from;
	for (let attempt = 1; at < size; attempt++) {
		const start = at;
		try {
			const response = await fetcher(new URL(path, url), {
				signal,
				cache: 'no-store',
				...(at > 0 && { headers: { Range: `bytes=${at}-` } })
			});
			if (response.status === 404 || response.headers.get('content-type')?.startsWith('text/html'))
				throw new InputError(
					`The server has no ${path}, which ${MANIFEST_FILE} lists; copy the whole folder to it.`
				);
			if (!response.ok || !response.body)
				throw new InputError(`${path} could not be downloaded (HTTP ${response.status}); try again later.`);
			let skip = response.status === 206 ? 0 : at;
			for (const reader = response.body.getReader(); ;) {
				const { done, value } = await reader.read();
				if (done) break;
				const chunk = value.subarray(Math.min(skip, value.length));
				skip -= value.length - chunk.length;
				at += chunk.length;
				if (chunk.length > 0) yield chunk;
			}
		} catch (error) {
			if (error instanceof InputError || signal.aborted) throw error;
			// A cut that let nothing through counts; one that let something through does not.
			if (at > start) attempt = 0;
		}
		if (at < size && attempt >= ATTEMPTS)
			throw new Error(
				`${path} could not be downloaded whole (${at} of ${size} bytes); check the connection and go on later.`
			);
		if (at < size) await pause(attempt);
	}
}

/** A model folder in the origin's private file system. @throws InputError when there is none of that name. */
async function opfsSource(name: string): Promise<ModelSource> {
	const missing = () =>
		new InputError(
			`There is no model "${name}" in this browser's storage; choose another one or convert it again.`
		);
	const folder = await opfsDirectory([OPFS_MODELS, name]);
	if (!folder) throw missing();
	await holdModel(name);
	return opfsFolder(name, folder);
}

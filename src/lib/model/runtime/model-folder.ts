import { sha256 } from '../../bytes/hash.ts';
import { sha256Hasher } from '../../kernels/sha256.ts';
import { InputError } from '../../tensor/errors.ts';
import { MANIFEST_FILE, type ModelFile, type ModelManifest } from '../manifest.ts';
import { readManifest } from './check-manifest.ts';
import type { ModelSource } from './model-source.ts';

export interface ModelFolderOptions {
	/** Hash of a file that is used where it lies; when absent, such files are read whole and hashed here. */
	readonly hashInPlace?: (path: string) => Promise<{ readonly size: number; readonly sha256: string }>;
}

/** Bytes loaded so far of one file. */
export type OnBytes = (file: ModelFile, loaded: number) => void;

const READ_CHUNK = 16 * 2 ** 20;
/** Of a file that is nowhere in memory as a whole. */
export const STREAM_CHUNK = 2 ** 20;

/** A model folder whose manifest was read and found usable. Every file that is handed out was checked against it. */
export class ModelFolder {
	readonly manifest: ModelManifest;
	readonly name: string;
	readonly #source: ModelSource;
	readonly #files: ReadonlyMap<string, ModelFile>;
	readonly #hashInPlace: ModelFolderOptions['hashInPlace'];

	constructor(source: ModelSource, manifest: ModelManifest, options: ModelFolderOptions = {}) {
		this.#source = source;
		this.name = source.name;
		this.manifest = manifest;
		this.#files = new Map(manifest.files.map((file) => [file.path, file]));
		this.#hashInPlace = options.hashInPlace;
	}

	/** What the manifest says of a file. */
	file(path: string): ModelFile {
		const file = this.#files.get(path);
		if (!file)
			throw new InputError(
				`${MANIFEST_FILE} in ${this.name} does not list ${path}; convert the checkpoint again.`
			);
		return file;
	}

	/**
	 * A file's bytes, checked. Wrong ones are fetched once more, then refused.
	 * @throws InputError naming the file when it is missing or not the one the manifest describes.
	 */
	async read(path: string, onBytes?: OnBytes): Promise<Uint8Array> {
		const file = this.file(path);
		let problem = '';
		for (const fresh of [false, true]) {
			const bytes = await this.#load(file, fresh, onBytes);
			if (!bytes) throw this.#missing(path);
			problem = difference(file, { size: bytes.byteLength, sha256: await sha256(bytes) });
			if (!problem) return bytes;
		}
		throw this.#wrong(path, problem);
	}

	/**
	 * A file's bytes in order, piece by piece, so that it is nowhere in memory as a whole. Whether they are right is known behind the last one:
	 * wrong ones are fetched once more, from the first on, then refused. What was made of them is then the taker's to drop.
	 * @param begin called before the first piece; gives who takes this and those that follow
	 * @throws as `read`
	 */
	async stream(path: string, begin: () => (piece: Uint8Array) => void, onBytes?: OnBytes): Promise<void> {
		const file = this.file(path);
		let problem = '';
		for (const fresh of [false, true]) {
			const [hash, take] = [sha256Hasher(), begin()];
			let size = 0;
			const there = await this.#stream(file, fresh, (piece) => {
				// What is behind a file's end is nobody's.
				size += piece.length;
				if (size > file.size) return;
				hash.update(piece);
				take(piece);
				onBytes?.(file, size);
			});
			if (!there) throw this.#missing(path);
			problem = difference(file, { size, sha256: hash.digest() });
			if (!problem) return;
		}
		throw this.#wrong(path, problem);
	}

	/**
	 * A file as a Blob, checked: where it lies, or brought into the browser's own memory, which pages it out to disk. Undefined where that has no room
	 * for it.
	 * @throws as `read`
	 */
	async blob(path: string, onBytes?: OnBytes): Promise<Blob | undefined> {
		const stored = await this.#source.blob?.(path);
		let parts: Blob[] = [];
		let part: Uint8Array<ArrayBuffer>[] = [];
		let length = 0;
		const close = () => {
			if (part.length > 0) parts.push(new Blob(part));
			[part, length] = [[], 0];
		};
		const begin = () => {
			[parts, part, length] = [[], [], 0];
			return (piece: Uint8Array) => {
				part.push(piece as Uint8Array<ArrayBuffer>);
				if ((length += piece.length) >= READ_CHUNK) close();
			};
		};
		await this.stream(path, stored ? () => () => undefined : begin, onBytes);
		if (stored) return stored;
		close();
		const blob = new Blob(parts);
		// One that had no room is there all the same, and says so only when it is read.
		return (await isReadable(blob)) ? blob : undefined;
	}

	/** Checks a file that the runtime will read where it lies (Node). @throws as `read`. */
	async check(path: string, onBytes?: OnBytes): Promise<void> {
		if (!this.#hashInPlace) {
			await this.read(path, onBytes);
			return;
		}
		const file = this.file(path);
		if (!(await this.#source.open(path))) throw this.#missing(path);
		let problem = '';
		for (let attempt = 0; attempt < 2; attempt++) {
			problem = difference(file, await this.#hashInPlace(path));
			if (!problem) {
				onBytes?.(file, file.size);
				return;
			}
		}
		throw this.#wrong(path, problem);
	}

	async text(path: string): Promise<string> {
		return new TextDecoder().decode(await this.read(path));
	}

	async #load(file: ModelFile, fresh: boolean, onBytes?: OnBytes): Promise<Uint8Array | undefined> {
		const report = (loaded: number) => onBytes?.(file, Math.min(loaded, file.size));
		if (this.#source.load) return this.#source.load(file.path, { fresh, onBytes: report });
		const source = await this.#source.open(file.path);
		if (!source) return undefined;
		const bytes = new Uint8Array(source.size);
		for (let at = 0; at < source.size; at += READ_CHUNK) {
			const end = Math.min(at + READ_CHUNK, source.size);
			bytes.set(await source.read(at, end), at);
			report(end);
		}
		return bytes;
	}

	async #stream(file: ModelFile, fresh: boolean, take: (piece: Uint8Array) => void): Promise<boolean> {
		if (this.#source.stream) return this.#source.stream(file.path, { fresh, take });
		const source = await this.#source.open(file.path);
		if (!source) return false;
		for (let at = 0; at < source.size; at += STREAM_CHUNK)
			take(await source.read(at, Math.min(at + STREAM_CHUNK, source.size)));
		return true;
	}

	#missing(path: string): InputError {
		return new InputError(
			`${path} is missing in the model folder ${this.name}; copy the whole folder or convert the checkpoint again.`
		);
	}

	#wrong(path: string, problem: string): InputError {
		return new InputError(
			`${path} in the model folder ${this.name} is damaged (${problem}); copy it or convert the checkpoint again.`
		);
	}
}

/**
 * Reads and checks `honeybee.json`.
 * @throws InputError when the folder is not a model folder, or one of another version.
 */
export async function openModelFolder(
	source: ModelSource,
	options: ModelFolderOptions = {}
): Promise<ModelFolder> {
	const manifest = await readManifest(source);
	if (!manifest)
		throw new InputError(
			`${source.name} is not a model folder: it has no ${MANIFEST_FILE}; make one with "honeybee convert".`
		);
	return new ModelFolder(source, manifest, options);
}

async function isReadable(blob: Blob): Promise<boolean> {
	try {
		await blob.slice(-1).arrayBuffer();
		return true;
	} catch {
		return false;
	}
}

/** What is different between a file and its entry, or ''. */
function difference(expected: ModelFile, found: { readonly size: number; readonly sha256: string }): string {
	if (found.size !== expected.size) return `${found.size} bytes instead of ${expected.size}`;
	return found.sha256 === expected.sha256 ? '' : `its SHA-256 is not the one in ${MANIFEST_FILE}`;
}

/** Hexadecimal SHA-256. */

import { readJsonObject } from '../checkpoint/bytes.ts';
import type { SourceFolder } from '../checkpoint/source.ts';
import type { DTypePreset, ModelManifest } from '../model/manifest.ts';
import { readManifest } from '../model/runtime/check-manifest.ts';
import { InputError } from '../tensor/errors.ts';
import { deletingModel } from './model-locks.ts';
import { hasOpfs, opfsDirectory, opfsFolder, orUndefined, OPFS_MODELS, OPFS_STAGING } from './opfs.ts';

/** A model folder in the browser's storage. */
export interface StoredModel {
	readonly name: string;
	/** Bytes it takes. */
	readonly size: number;
	/** Absent while it is not whole. */
	readonly manifest?: ModelManifest;
	/** Bytes of whole files where a conversion or download was cut off. */
	readonly unfinished?: number;
	/** Address of the folder on a server that it was downloaded from. */
	readonly address?: string;
	/** An unpacked archive waits, so that its conversion to this type goes on without its files. */
	readonly staged?: DTypePreset;
	/** It is made of a published model, whose download is begun. */
	readonly published?: PublishedNote;
}

/** Beside what is downloaded of a published model. */
export const PUBLISHED_FILE = 'honeybee.published.json';

/** What is downloaded, from where and for what; nothing secret. */
export interface PublishedNote {
	/** `owner/name`. */
	readonly name: string;
	readonly revision?: string;
	/** Address of the server. */
	readonly host: string;
	/** What its model card says. */
	readonly licence?: string;
	/** Type that it is to be converted to. */
	readonly dtype: DTypePreset;
	/** Folders of the staging folder, and the models that they are. */
	readonly parts: readonly { readonly role: string; readonly name: string }[];
	/** Hashes of the files by path, as the server names them. */
	readonly hashes: Readonly<Record<string, string>>;
}

/** Space in the browser's storage, in bytes. */
export interface StorageSpace {
	readonly usage: number;
	readonly quota: number;
	/** The browser will not clear it on its own. */
	readonly persisted: boolean;
}

/** Every model folder in the browser's storage, whole or not, by name. Works in the page. */
export async function storedModels(): Promise<StoredModel[]> {
	if (!(await hasOpfs())) return [];
	const models = await opfsDirectory([OPFS_MODELS]);
	const staging = await opfsDirectory([OPFS_STAGING]);
	const names = new Set<string>();
	for (const folder of [models, staging])
		if (folder)
			for await (const [name, handle] of folder.entries()) if (handle.kind === 'directory') names.add(name);
	return Promise.all([...names].sort().map((name) => storedModel(name, models, staging)));
}

async function storedModel(
	name: string,
	models: FileSystemDirectoryHandle | undefined,
	staging: FileSystemDirectoryHandle | undefined
): Promise<StoredModel> {
	const handle = models && (await orUndefined(models.getDirectoryHandle(name)));
	const unpacked = staging && (await orUndefined(staging.getDirectoryHandle(name)));
	const size = handle ? await sizeOf(handle) : 0;
	const unpackedSize = unpacked ? await sizeOf(unpacked) : 0;
	// A manifest that cannot be read is that of a model that cannot be loaded.
	const manifest = handle && (await readManifest(opfsFolder(name, handle)).catch(() => undefined));
	const address = handle && (await addressOf(opfsFolder(name, handle)));
	const note = unpacked && (await orUndefined(unpacked.getFileHandle('unpacked.json')));
	const begun = unpacked && (await orUndefined(unpacked.getFileHandle(PUBLISHED_FILE)));
	const published = begun && (JSON.parse(await (await begun.getFile()).text()) as PublishedNote);
	const staged = note && (JSON.parse(await (await note.getFile()).text()) as { dtype: DTypePreset }).dtype;
	return {
		name,
		size: size + unpackedSize,
		...(manifest ? { manifest } : { unfinished: size }),
		...(address !== undefined && { address }),
		...(staged && { staged }),
		...(published && { published })
	};
}

/** Beside a model that was downloaded: where from. */
export const ADDRESS_FILE = 'honeybee.address.json';

/** Where a stored model was downloaded from; undefined when it was not. */
export async function addressOf(folder: SourceFolder): Promise<string | undefined> {
	const source = await folder.open(ADDRESS_FILE);
	if (!source) return undefined;
	const { url } = await readJsonObject(source);
	return typeof url === 'string' ? url : undefined;
}

async function sizeOf(folder: FileSystemDirectoryHandle): Promise<number> {
	let size = 0;
	for await (const handle of folder.values()) {
		if (handle.kind === 'directory') size += await sizeOf(handle);
		// A file may be moved to its name while it is looked at.
		else size += (await orUndefined(handle.getFile()))?.size ?? 0;
	}
	return size;
}

/** @throws InputError when the model is in use or being written */
export async function deleteStoredModel(name: string): Promise<void> {
	await deletingModel(name, async () => {
		for (const parent of [OPFS_MODELS, OPFS_STAGING]) {
			const folder = await opfsDirectory([parent]);
			try {
				if (folder) await orUndefined(folder.removeEntry(name, { recursive: true }));
			} catch (error) {
				if (!(error instanceof DOMException)) throw error;
				throw new InputError(
					`The model "${name}" could not be deleted (${error.message}); close other tabs of this page and try again.`
				);
			}
		}
	});
}

/** Space in the browser's storage; undefined where it gives the page none. */
export async function storageSpace(): Promise<StorageSpace | undefined> {
	if (!(await hasOpfs())) return undefined;
	const { usage = 0, quota = 0 } = await navigator.storage.estimate();
	return { usage, quota, persisted: await navigator.storage.persisted() };
}

/** Bytes that the browser lets the page still write; Infinity where it does not say. */
export async function freeSpace(): Promise<number> {
	const { quota, usage = 0 } = await navigator.storage.estimate();
	return quota === undefined ? Infinity : Math.max(0, quota - usage);
}

/** Asks the browser not to clear the models on its own. @returns whether it agreed */
export async function keepStorage(): Promise<boolean> {
	try {
		return await navigator.storage.persist();
	} catch {
		return false;
	}
}

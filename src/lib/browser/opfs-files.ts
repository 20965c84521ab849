import { listFiles, opfsDirectory, orUndefined } from './opfs.ts';
import { storageError } from './storage-error.ts';

/**
 * Files in the origin's private file system, below one folder of its root. Runs in a worker: what is appended through a sync access
 * handle is on disk when the promise resolves, at no cost that grows with the file.
 */
export class OpfsFiles {
	readonly #folder: string;
	readonly #appending = new Map<string, FileSystemSyncAccessHandle>();

	constructor(folder: string) {
		this.#folder = folder;
	}

	/** Whole file; undefined when there is none. */
	async read(path: string): Promise<Uint8Array | undefined> {
		const open = this.#appending.get(path);
		if (open) {
			const bytes = new Uint8Array(open.getSize());
			open.read(bytes, { at: 0 });
			return bytes;
		}
		const file = await this.#file(path, false);
		return file && new Uint8Array(await (await file.getFile()).arrayBuffer());
	}

	/** Replaces a file at once: after a crash there is the old one or the new one. */
	async write(path: string, content: string | Uint8Array): Promise<void> {
		await explain(path, async () => {
			const file = (await this.#file(path, true))!;
			// Written beside the file, which it replaces when closed.
			const writable = await file.createWritable();
			await writable.write(typeof content === 'string' ? content : new Uint8Array(content));
			await writable.close();
		});
	}

	/** Adds to the end of a file, which stays open. @throws InputError when another tab writes it, or storage is full */
	async append(path: string, text: string): Promise<void> {
		await explain(path, async () => {
			let handle = this.#appending.get(path);
			if (!handle) {
				handle = await (await this.#file(path, true))!.createSyncAccessHandle();
				this.#appending.set(path, handle);
			}
			handle.write(new TextEncoder().encode(text), { at: handle.getSize() });
			handle.flush();
		});
	}

	/** Cuts a file to its first `size` bytes. */
	async truncate(path: string, size: number): Promise<void> {
		await explain(path, async () => {
			const open = this.#appending.get(path);
			if (open) return open.truncate(size);
			const handle = await (await this.#file(path, true))!.createSyncAccessHandle();
			handle.truncate(size);
			handle.close();
		});
	}

	/** Paths of all files. */
	async list(): Promise<string[]> {
		const root = await this.#directory([], false);
		return root ? listFiles(root) : [];
	}

	/** Removes a folder with all that is in it. */
	async remove(path: string): Promise<void> {
		await this.close(path);
		const parts = path.split('/');
		const name = parts.pop()!;
		const parent = await this.#directory(parts, false);
		if (parent) await orUndefined(parent.removeEntry(name, { recursive: true }));
	}

	/** Lets go of the open files below a folder. */
	async close(path: string): Promise<void> {
		for (const [name, handle] of this.#appending)
			if (name.startsWith(`${path}/`)) {
				handle.close();
				this.#appending.delete(name);
			}
	}

	#directory(parts: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
		return opfsDirectory([this.#folder, ...parts], create);
	}

	async #file(path: string, create: boolean): Promise<FileSystemFileHandle | undefined> {
		const parts = path.split('/');
		const name = parts.pop()!;
		const place = await this.#directory(parts, create);
		return place && orUndefined(place.getFileHandle(name, { create }));
	}
}

async function explain(path: string, operation: () => Promise<void>): Promise<void> {
	try {
		await operation();
	} catch (error) {
		throw storageError(error, path);
	}
}

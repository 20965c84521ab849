/** Where a run keeps its files: a folder on disk, or in the browser's own file system. Paths are relative. */
export interface RunStorage {
	/** For messages. */
	readonly name: string;
	/** Whole file; undefined when there is none. */
	read(path: string): Promise<Uint8Array | undefined>;
	/** Replaces a file at once: after a crash there is the old one or the new one. */
	write(path: string, content: string | Uint8Array): Promise<void>;
	/** Adds to the end of a file; resolves when it would survive the end of the process. */
	append(path: string, text: string): Promise<void>;
	/** Cuts a file to its first `size` bytes. */
	truncate(path: string, size: number): Promise<void>;
	/** Lets go of open files. */
	close(): Promise<void>;
}

/** Keeps files in memory; for tests. */
export function memoryStorage(
	files: Map<string, Uint8Array> = new Map()
): RunStorage & { readonly files: Map<string, Uint8Array> } {
	const encode = (content: string | Uint8Array) =>
		typeof content === 'string' ? new TextEncoder().encode(content) : content;
	return {
		name: 'memory',
		files,
		read: async (path) => files.get(path),
		async write(path, content) {
			files.set(path, encode(content));
		},
		async append(path, text) {
			const before = files.get(path) ?? new Uint8Array();
			const added = encode(text);
			const whole = new Uint8Array(before.length + added.length);
			whole.set(before);
			whole.set(added, before.length);
			files.set(path, whole);
		},
		async truncate(path, size) {
			files.set(path, files.get(path)!.slice(0, size));
		},
		async close() {}
	};
}

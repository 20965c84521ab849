/** Bytes that are read by range, wherever they lie: a file on disk, a `File` dropped on the page, OPFS, memory. */
export interface ByteSource {
	/** Name for messages, e.g. `pytorch_model-00001-of-00002.bin`. */
	readonly name: string;
	/** Size in bytes. */
	readonly size: number;
	/**
	 * Bytes `[start, end)`. Rejects when the range is outside the source.
	 * @param into of that length: may be filled and returned instead of a new array
	 */
	read(start: number, end: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** A folder of files that is read by name. Paths are relative, with forward slashes. */
export interface SourceFolder {
	readonly name: string;
	/** All file paths below the folder. */
	list(): Promise<string[]>;
	/** The file, or undefined when there is none of that path. */
	open(path: string): Promise<ByteSource | undefined>;
}

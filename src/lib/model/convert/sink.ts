import type { SourceFolder } from '../../checkpoint/source.ts';

/** A file being written; nobody sees it before `close`. */
export interface FileWriter {
	write(bytes: Uint8Array): Promise<void>;
	/** Makes the file visible under its name, replacing an older one. */
	close(): Promise<void>;
	/** Removes what was written. */
	abort(): Promise<void>;
}

/** A folder that files are written to: a directory, OPFS, memory. */
export interface FolderSink {
	create(path: string): Promise<FileWriter>;
	/** What lies in the folder now. */
	readonly folder: SourceFolder;
	remove(path: string): Promise<void>;
}

/** Writes a whole file; nothing of it stays when that fails. */
export async function writeWhole(sink: FolderSink, path: string, bytes: Uint8Array): Promise<void> {
	const writer = await sink.create(path);
	try {
		await writer.write(bytes);
		await writer.close();
	} catch (error) {
		await writer.abort();
		throw error;
	}
}

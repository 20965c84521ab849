import type { SourceFolder } from '../../checkpoint/source.ts';

/** A folder that model files come from. */
export interface ModelSource extends SourceFolder {
	/**
	 * Loads a whole file where that is better done by the source (a download): reports bytes as they come, and with
	 * `fresh` goes past every cache. Undefined when there is no such file.
	 */
	load?(
		path: string,
		options: { readonly fresh: boolean; readonly onBytes: (loaded: number) => void }
	): Promise<Uint8Array | undefined>;
	/** A file as it lies on disk or in memory of the browser's own, not in that of this thread. Undefined when there is no such file. */
	blob?(path: string): Promise<Blob | undefined>;
	/**
	 * Hands out a whole file in order, piece by piece as it comes, so that it is nowhere in memory as a whole. @param fresh goes past every cache
	 * @returns whether there is such a file
	 */
	stream?(
		path: string,
		options: { readonly fresh: boolean; readonly take: (piece: Uint8Array) => void }
	): Promise<boolean>;
}

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
}

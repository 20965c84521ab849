import type { DTypePreset, ModelManifest } from '../../lib/model/manifest.ts';

/** What the page and the conversion worker tell each other. All of it is structured-cloneable. */

/** A file that was dropped or picked; `path` begins with the dropped folder's name. */
export interface PickedFile {
	readonly path: string;
	readonly file: Blob;
}

/** Where a checkpoint comes from: the files of a folder, one .tar, .tar.gz or .tgz, or an archive unpacked before. */
export type CheckpointInput =
	| { readonly kind: 'files'; readonly files: readonly PickedFile[] }
	| { readonly kind: 'staged'; readonly name: string };

/** What a checkpoint would become, before anything is written. */
export interface CheckpointSummary {
	/** Its folder, e.g. "C-7B-M144/last". */
	readonly name: string;
	/** Absent for a .tar.gz, which cannot be looked into before it is unpacked. */
	readonly contents?: {
		/** What people call its family. */
		readonly family: string;
		/** How it is written, where the family has several spellings. */
		readonly spelling?: string;
		readonly projector: string;
		readonly title: string;
		readonly num_query_tokens: number;
		/** Bytes of the checkpoint's weight files. */
		readonly size: number;
		/** Bytes of the model folder by type. */
		readonly sizes: Readonly<Record<DTypePreset, number>>;
		/** Whether a tokenizer lies beside it. */
		readonly tokenizer: boolean;
		/** What the user should know of the checkpoint, in whole sentences. */
		readonly notes: readonly string[];
	};
	/** Bytes of the archive that has to be unpacked first. */
	readonly archive?: number;
}

export interface ConvertRequest {
	readonly checkpoint: CheckpointInput;
	/** Files of a tokenizer, where the checkpoint has none. */
	readonly tokenizer?: readonly PickedFile[];
	/** Name of the model folder in the browser's storage. */
	readonly name: string;
	readonly dtype: DTypePreset;
	/** `memory` keeps the result until the page is left. */
	readonly keep: 'storage' | 'memory';
	/** For tests: bytes of weights in one language graph. */
	readonly languageLimit?: number;
}

export interface DownloadRequest {
	/** Of a model folder, with a trailing slash. */
	readonly url: string;
	/** Name of the model folder in the browser's storage. */
	readonly name: string;
}

export interface JobProgress {
	readonly stage: 'unpack' | 'convert' | 'hash' | 'download' | 'verify';
	/** File in work. */
	readonly what: string;
	/** Bytes so far and in all; `total` is 0 where it is not known. */
	readonly done: number;
	readonly total: number;
}

export interface ConvertResult {
	readonly manifest: ModelManifest;
	/** The files of a model kept in memory. */
	readonly files?: Readonly<Record<string, Blob>>;
}

/** A file of a stored model that is not what its manifest says. */
export interface DamagedFile {
	readonly path: string;
	readonly problem: string;
}

/** Where the files of a damaged model come from again. */
export type RepairSource =
	| { readonly kind: 'server' }
	| {
			readonly kind: 'checkpoint';
			readonly checkpoint: CheckpointInput;
			readonly tokenizer?: readonly PickedFile[];
	  };

export interface RepairRequest {
	/** Of the stored model. */
	readonly name: string;
	readonly source: RepairSource;
}

/** One sub-model on WebGPU against WASM. */
export interface SelfCheckRow {
	readonly name: string;
	/** Largest difference, relative to the largest value. */
	readonly error?: number;
	readonly tolerance: number;
	readonly verdict: 'equal' | 'different' | 'failed' | 'left-out';
	readonly note?: string;
}

import type { DTypePreset, ModelManifest } from '../../lib/model/manifest.ts';

/** What the page and the conversion worker tell each other. All of it is structured-cloneable. */

/** A file that was dropped or picked; `path` begins with the dropped folder's name. */
export interface PickedFile {
	readonly path: string;
	readonly file: Blob;
}

/** A model by its name on the Hugging Face Hub, or on a server that answers as it does. */
export interface PublishedInput {
	readonly kind: 'published';
	/** `owner/name`. */
	readonly name: string;
	/** Branch, tag or commit. */
	readonly revision?: string | undefined;
	/** Address of the server, without a slash at the end. */
	readonly host: string;
	/** Never kept by a worker. */
	readonly token?: string | undefined;
}

/**
 * Where a checkpoint comes from: the files of a folder, one .tar, .tar.gz or .tgz, what was unpacked or downloaded for a model of that
 * name before, or the Hub.
 */
export type CheckpointInput =
	| { readonly kind: 'files'; readonly files: readonly PickedFile[] }
	| { readonly kind: 'staged'; readonly name: string }
	| PublishedInput;

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
		/** Its vision tower and its language model, in words. */
		readonly vision: string;
		readonly language: string;
		/** Bytes of the cache for one position, by type. */
		readonly cache: Readonly<Record<DTypePreset, number>>;
	};
	/** Of a published model: what is fetched before it is converted. */
	readonly download?: {
		/** Bytes, of the checkpoint and of what it names. */
		readonly size: number;
		readonly files: number;
		/** Models that are fetched from. */
		readonly models: readonly string[];
		/** What its model card says. */
		readonly licence?: string;
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
	readonly stage: 'unpack' | 'convert' | 'hash' | 'download' | 'wait' | 'verify';
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

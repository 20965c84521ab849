import type { ModelLocation } from '../../lib/browser/model-source.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import type { BackendInfo, LoadProgress } from '../../lib/model/runtime/types.ts';

/** What the page and the model worker tell each other beside requests and results of the model. All of it is structured-cloneable. */

/** What a reader can ask for; `auto` chooses among the others. */
export const backendChoices = ['auto', 'webgpu', 'wasm', 'wasm-q4', 'wasm-int8'] as const;
export type BackendChoice = (typeof backendChoices)[number];

export interface LoadRequest {
	readonly location: ModelLocation;
	readonly backend: BackendChoice;
	/** Projector whose graph is loaded first; the manifest's first one when absent. */
	readonly projector?: string;
}

export interface LoadedModel {
	readonly manifest: ModelManifest;
	readonly backend: BackendInfo;
	readonly load_ms: number;
}

/** Why nothing more can come from a worker, in a sentence for the user. */
export interface WorkerFailure {
	readonly reason: 'device-lost' | 'crash';
	readonly message: string;
}

/** Names one call among those in work, so that it alone can be stopped. The client gives each its own. */
export type CallId = number;

/** One state for the whole page; `failed` carries a sentence for the user and whether a restart can help. */
export type WorkerState =
	| { readonly status: 'idle' }
	| { readonly status: 'loading'; readonly progress: LoadProgress }
	| { readonly status: 'ready'; readonly model: LoadedModel }
	| {
			readonly status: 'failed';
			readonly message: string;
			readonly reason: 'input' | 'load' | 'device-lost' | 'crash';
	  };

import type { ModelManifest } from '../lib/model/manifest.ts';
import type { Tensor } from '../lib/tensor/tensor.ts';

/** Contract between the page (client) and the model worker. Everything here is structured-cloneable. */
export type BackendName = 'webgpu' | 'wasm' | 'node';
export type BackendChoice = 'auto' | 'webgpu' | 'wasm';

/** Where a model folder lies. `url` is the folder's URL with a trailing slash. */
export type ModelLocation =
	{ readonly kind: 'url'; readonly url: string } | { readonly kind: 'opfs'; readonly name: string };

export interface LoadRequest {
	readonly location: ModelLocation;
	readonly backend: BackendChoice;
	/** Projector whose graph is loaded first; the manifest's first one when absent. */
	readonly projector?: string;
}

export interface LoadProgress {
	readonly stage: 'manifest' | 'weights' | 'session' | 'self-test';
	/** File or sub-model in work. */
	readonly what: string;
	/** Bytes so far and in all, over the whole load. */
	readonly loaded: number;
	readonly total: number;
}

/** What the UI states about where the model runs. */
export interface BackendInfo {
	readonly backend: BackendName;
	/** E.g. adapter description, or "4 threads, SIMD". */
	readonly description: string;
	readonly threads: number;
	/** WebGPU found only a software adapter. */
	readonly software: boolean;
	/** Why `auto` chose this backend, one sentence. */
	readonly reason: string;
	readonly shader_f16: boolean;
}

export interface LoadedModel {
	readonly manifest: ModelManifest;
	readonly backend: BackendInfo;
	readonly load_ms: number;
}

/** RGBA pixels, or encoded file bytes (PNG, JPEG, WebP, …), named by the sha256 of the file or pixels. */
export interface ImageInput {
	/** Hash that names the image in the session, in caches and in provenance. */
	readonly id: string;
	readonly bytes: Uint8Array;
	/** File name for messages. */
	readonly name: string;
}

export interface Turn {
	readonly question: string;
	/** Images put in before this question; upstream formats one line `Human: <image>` for each. */
	readonly images: readonly ImageInput[];
	/** Answer of an earlier turn; absent in the last turn. */
	readonly answer?: string;
	/** Ids of that answer as generated, so that the cached prefix is reused exactly. */
	readonly answer_ids?: readonly number[];
}

export interface SamplingOptions {
	/** 0 is greedy. */
	readonly temperature: number;
	readonly top_k: number;
	readonly top_p: number;
	readonly seed: number;
	readonly max_new_tokens: number;
	readonly stop: readonly string[];
}

export interface AnswerRequest {
	readonly projector: string;
	/** M; absent for the projector's own. */
	readonly tokens?: number;
	readonly turns: readonly Turn[];
	readonly sampling: SamplingOptions;
	/** Whole prompt used as it is instead of the template (images are those of `turns`). */
	readonly raw_prompt?: string;
}

export interface StageTimings {
	readonly vision: number;
	readonly projector: number;
	readonly prefill: number;
	readonly decode: number;
}

export interface AnswerResult {
	readonly text: string;
	readonly ids: readonly number[];
	readonly prompt_ids: readonly number[];
	readonly timings_ms: StageTimings;
	readonly tokens_per_second: number;
	/** Prompt positions taken from the cache instead of computed. */
	readonly cached_positions: number;
	readonly stop_reason: 'eos' | 'length' | 'stop' | 'cancelled';
	readonly backend: BackendName;
	readonly dtype: string;
}

export type AnswerEvent =
	| { readonly type: 'stage'; readonly stage: 'vision' | 'projector' | 'prefill' | 'decode' }
	| { readonly type: 'token'; readonly id: number; /** Text so far, whole. */ readonly text: string }
	| { readonly type: 'done'; readonly result: AnswerResult };

/** Named activations; names are those of the golden files without their case prefix. */
export type Trace = Readonly<Record<string, Tensor>>;

export interface TraceRequest {
	readonly projector: string;
	readonly tokens?: number;
	readonly image: ImageInput;
	/** Names or prefixes wanted (e.g. `proj.`); everything the projector offers when absent. */
	readonly names?: readonly string[];
}

/** Exposed by `honeybee.worker.ts` through comlink. */
export interface HoneybeeWorkerApi {
	load(request: LoadRequest, onProgress: (progress: LoadProgress) => void): Promise<LoadedModel>;
	/** Events in order, ended by `done`. Cancelling the stream stops generation at the next token. */
	answer(request: AnswerRequest): Promise<ReadableStream<AnswerEvent>>;
	trace(request: TraceRequest): Promise<Trace>;
	/** Stops the answer in work, which then ends with `stop_reason: 'cancelled'`. */
	cancel(): Promise<void>;
	dispose(): Promise<void>;
}

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

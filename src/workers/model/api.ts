import type { LocalityMaps } from '../../lib/model/probes/locality.ts';
import type { ModelLocation } from '../../lib/browser/model-source.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import type {
	AnswerEvent,
	AnswerProbe,
	AnswerRequest,
	AnswerScores,
	BackendInfo,
	Influence,
	InfluenceRequest,
	LensGrid,
	LensRequest,
	LoadProgress,
	LocalityRequest,
	Progress,
	Trace,
	TraceRequest
} from '../../lib/model/runtime/types.ts';

export type {
	AnswerEvent,
	AnswerProbe,
	AnswerRequest,
	AnswerResult,
	AnswerScores,
	AnswerTokens,
	BackendInfo,
	BackendName,
	ImageInput,
	Influence,
	InfluenceMethod,
	InfluenceRequest,
	LensGrid,
	LensReading,
	LensRequest,
	LoadProgress,
	LocalityRequest,
	Progress,
	SamplingOptions,
	StageTimings,
	TokenEdit,
	Trace,
	TraceRequest,
	Turn
} from '../../lib/model/runtime/types.ts';

/** Contract between the page (client) and the model worker. Everything here is structured-cloneable. */
export type BackendChoice = 'auto' | 'webgpu' | 'wasm';

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

/** Exposed by `honeybee.worker.ts` through comlink. What takes a `call` rejects with AbortError when that is cancelled. */
export interface HoneybeeWorkerApi {
	/**
	 * Called once at the start. The worker takes the Web Lock `lock` and keeps it as long as it lives, so that its end
	 * is noticed however it comes; `onFailure` reports device loss and GPU errors.
	 */
	watch(lock: string, onFailure: (failure: WorkerFailure) => void): Promise<void>;
	load(request: LoadRequest, onProgress: (progress: LoadProgress) => void): Promise<LoadedModel>;
	/** Calls back with events in order, the last of them `done`, cancelled or not; rejects when there will be none. */
	answer(call: CallId, request: AnswerRequest, onEvent: (event: AnswerEvent) => void): Promise<void>;
	trace(call: CallId, request: TraceRequest): Promise<Trace>;
	/** Locality maps of one image, by output: float32 [token, patch]. */
	locality(call: CallId, request: LocalityRequest, onProgress: OnProbeProgress): Promise<LocalityMaps>;
	/** Forced decoding of an answer, its own or another model's. */
	score(call: CallId, request: AnswerProbe): Promise<AnswerScores>;
	influence(call: CallId, request: InfluenceRequest, onProgress: OnProbeProgress): Promise<Influence>;
	lens(call: CallId, request: LensRequest, onProgress: OnProbeProgress): Promise<LensGrid>;
	/** Stops one call at its next step, or all of them. */
	cancel(call?: CallId): Promise<void>;
	dispose(): Promise<void>;
}

export type OnProbeProgress = (progress: Progress) => void;

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

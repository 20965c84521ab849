import type { LocalityMaps } from '../../model/probes/locality.ts';
import type {
	AnswerEvent,
	AnswerProbe,
	AnswerRequest,
	AnswerScores,
	Influence,
	InfluenceRequest,
	LensGrid,
	LensRequest,
	LoadedModel,
	LoadRequest,
	LocalityRequest,
	ProbeProgress,
	Trace,
	TraceRequest,
	WorkerState
} from '../../../workers/model/api.ts';

export interface ProbeOptions {
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: ProbeProgress) => void;
}

/** What the session needs of the model worker's client; `src/workers/model/client.ts` provides it. */
export interface ModelClient {
	readonly state: WorkerState;
	/** Calls back at every change of `state`; returns the function that ends it. */
	subscribe(listener: (state: WorkerState) => void): () => void;
	load(request: LoadRequest): Promise<LoadedModel>;
	/** Aborted, it ends with `stop_reason: 'cancelled'`; others that are in work go on. */
	answer(request: AnswerRequest, signal?: AbortSignal): AsyncIterable<AnswerEvent>;
	/** Activations of one image, under their golden names. */
	trace(request: TraceRequest): Promise<Trace>;
	/** Locality maps of one image, by output: float32 [token, patch]. Rejects with AbortError when aborted. */
	locality(request: LocalityRequest, options?: ProbeOptions): Promise<LocalityMaps>;
	/** Forced decoding of an answer, its own or another model's. */
	score(request: AnswerProbe): Promise<AnswerScores>;
	/** How much each visual token bears on each token of an answer. Rejects with AbortError when aborted. */
	influence(request: InfluenceRequest, options?: ProbeOptions): Promise<Influence>;
	/** Logit lens on the visual tokens. Rejects with AbortError when aborted. */
	lens(request: LensRequest, options?: ProbeOptions): Promise<LensGrid>;
	/** Ends the worker, starts a new one and loads the last requested model again. */
	restart(): Promise<unknown>;
	dispose(): Promise<void> | void;
}

import type { AnswerEvent, AnswerRequest, LoadedModel, LoadRequest, WorkerState } from '../../workers/api.ts';

/** What the session needs of the model worker's client; `src/workers/honeybee.client.ts` provides it. */
export interface ModelClient {
	readonly state: WorkerState;
	/** Calls back at every change of `state`; returns the function that ends it. */
	subscribe(listener: (state: WorkerState) => void): () => void;
	load(request: LoadRequest): Promise<LoadedModel>;
	answer(request: AnswerRequest): AsyncIterable<AnswerEvent>;
	/** Stops the answer in work, which then ends with `stop_reason: 'cancelled'`. */
	cancel(): Promise<void>;
	/** Ends the worker, starts a new one and loads the last requested model again. */
	restart(): Promise<unknown>;
	dispose(): Promise<void> | void;
}

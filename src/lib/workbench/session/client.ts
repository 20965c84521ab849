import type { Answerer } from '../../study/answerer.ts';
import type { LoadedModel, LoadRequest, WorkerState } from '../../../workers/model/api.ts';

/** What the session needs of the model worker's client; `src/workers/model/client.ts` provides it. */
export interface ModelClient extends Answerer {
	readonly state: WorkerState;
	/** Calls back at every change of `state`; returns the function that ends it. */
	subscribe(listener: (state: WorkerState) => void): () => void;
	load(request: LoadRequest): Promise<LoadedModel>;
	/** Ends the worker, starts a new one and loads the last requested model again. */
	restart(): Promise<unknown>;
	dispose(): Promise<void> | void;
}

import { ModelClient as WorkerClient } from '../../../workers/model/client.ts';

/** The client of a model's worker as pages know it: all that is public of it, so that a test can put another in its place. */
export type ModelClient = Pick<WorkerClient, keyof WorkerClient>;

/** A client that starts its worker at the first `load`. */
export function createModelClient(): ModelClient {
	return new WorkerClient();
}

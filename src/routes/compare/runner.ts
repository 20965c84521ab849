import type { ModelClient } from '$lib/workbench/session/client.ts';
import type { Lane } from './lane.ts';

/** Where a column is computed: its model's worker, and the lane of work for that worker. */
export interface Runner {
	readonly client: ModelClient;
	readonly lane: Lane;
}

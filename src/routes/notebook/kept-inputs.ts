import type { Inputs } from '$lib/notebook/protocol.ts';
import { isObject } from '$lib/bytes/json.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import { recall, remember, type Memory } from '$lib/workbench/session/storage.ts';

/** Notebooks whose inputs are remembered. */
const MOST = 30;
/** Of one notebook, as text; more is not remembered. */
const LONGEST = 20_000;
const KEY = 'notebook-inputs';

/** Where the inputs of each notebook stood when it was last open. */
export class KeptInputs {
	readonly #memory: Memory;

	constructor(memory: Memory) {
		this.#memory = memory;
	}

	of(place: string): Inputs {
		return this.#all().find(([key]) => key === place)?.[1] ?? {};
	}

	keep(place: string, inputs: Inputs): void {
		if (JSON.stringify(inputs).length > LONGEST) return;
		const others = this.#all().filter(([key]) => key !== place);
		remember(this.#memory, KEY, [[place, inputs], ...others].slice(0, MOST));
	}

	#all(): readonly Kept[] {
		return recall(this.#memory, KEY, isKept, []);
	}
}

type Kept = readonly [place: string, inputs: Inputs];

const isKept = (value: unknown): value is Kept[] =>
	Array.isArray(value) &&
	value.every((one) => Array.isArray(one) && typeof one[0] === 'string' && isObject(one[1]));

export const getKeptInputs = pageState(({ memory }) => new KeptInputs(memory));

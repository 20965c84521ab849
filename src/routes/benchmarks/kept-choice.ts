import { isObject } from '$lib/bytes/json.ts';
import { findBenchmark } from '$lib/benchmarks/registry.ts';
import type { TargetChoice } from '$lib/benchmarks/run/target.ts';
import { wordingChoices, type WordingChoice } from '$lib/benchmarks/run/wording.ts';
import { recall, remember, type Memory } from '$lib/workbench/session/storage.ts';

/** What is to be run, as it was chosen last. */
export interface KeptChoice {
	readonly benchmark: string;
	/** The first so many examples; all when absent. */
	readonly limit?: number;
	/** M by projector. */
	readonly chosen: Readonly<Record<string, readonly number[]>>;
	/** Its own when absent. */
	readonly words?: WordingChoice;
}

/** Runs that were begun together and are not known to have ended. */
export interface BegunRuns {
	readonly benchmark: string;
	readonly model: string;
	readonly backend: string;
	readonly targets: readonly TargetChoice[];
	/** Answers asked of each. */
	readonly asked: number;
	/** In whose words; Honeybee's when absent. */
	readonly words?: WordingChoice;
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isWords = (value: unknown): boolean =>
	value === undefined || wordingChoices.some((choice) => choice === value);

function isKnown(name: unknown): boolean {
	try {
		return typeof name === 'string' && Boolean(findBenchmark(name));
	} catch {
		return false;
	}
}

const isChoice = (value: unknown): value is KeptChoice =>
	isObject(value) &&
	isKnown(value['benchmark']) &&
	(value['limit'] === undefined || isWhole(value['limit'])) &&
	isObject(value['chosen']) &&
	isWords(value['words']) &&
	Object.values(value['chosen']).every((tokens) => Array.isArray(tokens) && tokens.every(isWhole));

const isBegun = (value: unknown): value is BegunRuns =>
	isObject(value) &&
	isKnown(value['benchmark']) &&
	typeof value['model'] === 'string' &&
	typeof value['backend'] === 'string' &&
	isWhole(value['asked']) &&
	isWords(value['words']) &&
	Array.isArray(value['targets']) &&
	value['targets'].every(
		(target) => isObject(target) && typeof target['projector'] === 'string' && isWhole(target['tokens'])
	);

const isAsked = (value: unknown): value is Readonly<Record<string, number>> =>
	isObject(value) && Object.values(value).every(isWhole);

const maybe =
	<T>(is: (value: unknown) => value is T) =>
	(value: unknown): value is T | null =>
		value === null || is(value);

/** What a desk keeps from one visit to the next. */
export class DeskMemory {
	readonly #memory: Memory;

	constructor(memory: Memory) {
		this.#memory = memory;
	}

	get choice(): KeptChoice | undefined {
		return recall(this.#memory, 'runs.choice', maybe(isChoice), null) ?? undefined;
	}

	set choice(choice: KeptChoice) {
		remember(this.#memory, 'runs.choice', choice);
	}

	get begun(): BegunRuns | undefined {
		return recall(this.#memory, 'runs.begun', maybe(isBegun), null) ?? undefined;
	}

	set begun(begun: BegunRuns | undefined) {
		remember(this.#memory, 'runs.begun', begun ?? null);
	}

	/** Answers asked last, by run. */
	get asked(): Readonly<Record<string, number>> {
		return recall(this.#memory, 'runs.asked', isAsked, {});
	}

	set asked(asked: Readonly<Record<string, number>>) {
		remember(this.#memory, 'runs.asked', asked);
	}
}

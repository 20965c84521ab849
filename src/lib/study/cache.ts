import { Lru } from '../bytes/lru.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import { measure, measurementKey } from './locality.ts';
import type { Measured, MeasuredMaps, Measurement } from './measurement.ts';
import type { Subject } from './subject.ts';

/** Results kept; the oldest go first. */
const LIMIT = 160;

/** Measurements by subject, so that a map is computed once whichever figure asks for it, and what a stopped run has done is kept. */
export class LocalityCache implements MeasuredMaps {
	readonly #kept = new Lru<string, Measured>(LIMIT);
	readonly #answerer: Answerer;

	constructor(answerer: Answerer) {
		this.#answerer = answerer;
	}

	has(subject: Subject, measurement: Measurement): boolean {
		return this.#kept.get(measurementKey(subject, measurement)) !== undefined;
	}

	/** @throws as `measure` */
	async get(subject: Subject, measurement: Measurement, control: Control = {}): Promise<Measured> {
		const key = measurementKey(subject, measurement);
		const known = this.#kept.get(key);
		if (known) return known;
		const measured = await measure(this.#answerer, subject, measurement, control);
		this.#kept.set(key, measured);
		return measured;
	}
}

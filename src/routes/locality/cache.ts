import { Lru } from '$lib/bytes/lru.ts';
import type { Session } from '$lib/workbench/session/session.svelte.ts';
import type { Control } from '$lib/study/control.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import type { Subject } from '$lib/workbench/figures/subject.ts';
import { measure, measurementKey, type Measured, type Measurement } from './methods.ts';

/** Results kept; the oldest go first. */
const LIMIT = 160;

/** Measurements of a session, so that a map is computed once whichever figure asks for it, and what a stopped run has done is kept. */
export class LocalityCache {
	readonly #kept = new Lru<string, Measured>(LIMIT);
	readonly #session: Session;

	constructor(session: Session) {
		this.#session = session;
	}

	async get(subject: Subject, measurement: Measurement, control: Control): Promise<Measured> {
		const key = measurementKey(subject, measurement);
		const known = this.#kept.get(key);
		if (known) return known;
		const measured = await measure(this.#session.client, subject, measurement, control);
		this.#kept.set(key, measured);
		return measured;
	}
}

/** It outlives the page that filled it. */
export const getLocalityCache = pageState(({ session }) => new LocalityCache(session));

/** Lets one task in at a time, in the order they came; tasks that can wait come after all others. */
export class Mutex {
	#held = false;
	readonly #waiting: Record<'now' | 'later', (() => void)[]> = { now: [], later: [] };

	/** Resolves, when it is one's turn, to the function that ends it. */
	async acquire(when: 'now' | 'later' = 'now'): Promise<() => void> {
		if (this.#held) await new Promise<void>((resolve) => this.#waiting[when].push(resolve));
		this.#held = true;
		let released = false;
		return () => {
			if (released) return;
			released = true;
			const next = this.#waiting.now.shift() ?? this.#waiting.later.shift();
			// It stays held for the next one, so that nobody slips in between.
			if (next) next();
			else this.#held = false;
		};
	}
}

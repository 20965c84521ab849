/** Who goes first: work that someone waits for (`now`), or work that comes after all of that (`later`). */
export type Turn = 'now' | 'later';

/** Lets one task in at a time: those that want it `now` in the order they came, then the others in theirs. */
export class Mutex {
	#held = false;
	readonly #waiting: Record<Turn, (() => void)[]> = { now: [], later: [] };

	/**
	 * Resolves, when it is one's turn, to the function that ends it.
	 * @param signal leaves the queue; those behind move up. Once the turn has come, it is no business of the queue any more.
	 * @throws the signal's reason when aborted before the turn has come
	 */
	async acquire(when: Turn = 'now', signal?: AbortSignal): Promise<() => void> {
		signal?.throwIfAborted();
		if (this.#held) await this.#wait(this.#waiting[when], signal);
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

	#wait(queue: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
		return new Promise((resolve, reject) => {
			const begin = () => {
				signal?.removeEventListener('abort', leave);
				resolve();
			};
			const leave = () => {
				queue.splice(queue.indexOf(begin), 1);
				reject(signal!.reason as Error);
			};
			queue.push(begin);
			signal?.addEventListener('abort', leave, { once: true });
		});
	}
}

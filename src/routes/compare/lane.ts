interface Waiting {
	readonly urgent: boolean;
	readonly begin: () => void;
}

/** Work for one worker, one piece after the other: a stop then stops one piece and not what waits behind it. */
export class Lane {
	#busy = false;
	#waiting: Waiting[] = [];

	/**
	 * Runs `work` when its turn comes: urgent work before what is not (an answer does not wait for maps), else in order.
	 * @throws AbortError at once when aborted while it waits
	 */
	async run<T>(signal: AbortSignal | undefined, work: () => Promise<T>, urgent = false): Promise<T> {
		signal?.throwIfAborted();
		if (this.#busy) await this.#turn(signal, urgent);
		this.#busy = true;
		try {
			return await work();
		} finally {
			this.#next();
		}
	}

	#turn(signal: AbortSignal | undefined, urgent: boolean): Promise<void> {
		return new Promise((resolve, reject) => {
			const waiting: Waiting = {
				urgent,
				begin: () => {
					signal?.removeEventListener('abort', leave);
					resolve();
				}
			};
			const leave = () => {
				this.#waiting = this.#waiting.filter((other) => other !== waiting);
				reject(signal?.reason as Error);
			};
			signal?.addEventListener('abort', leave, { once: true });
			const behind = urgent ? this.#waiting.findIndex((other) => !other.urgent) : -1;
			this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiting);
		});
	}

	/** Hands the turn on without letting anyone in between. */
	#next(): void {
		const next = this.#waiting.shift();
		if (next) next.begin();
		else this.#busy = false;
	}
}

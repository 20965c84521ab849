/** Milliseconds between two scorings of a run that goes on, at least. */
const PAUSE = 1000;

/** Scores a run again and again while it goes on: no more than a tenth of the time, and that while the model computes the next answer. */
export class Rescoring {
	readonly #score: () => void;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#last = -Infinity;
	#spent = 0;
	#stopped = false;

	constructor(score: () => void) {
		this.#score = score;
	}

	/** There are new answers. */
	due(): void {
		if (this.#stopped || this.#timer !== undefined) return;
		if (performance.now() - this.#last < Math.max(PAUSE, 10 * this.#spent)) return;
		this.#timer = setTimeout(() => {
			const began = performance.now();
			this.#score();
			this.#last = performance.now();
			this.#spent = this.#last - began;
			this.#timer = undefined;
		});
	}

	/** Nothing is scored after this. */
	stop(): void {
		this.#stopped = true;
		clearTimeout(this.#timer);
	}
}

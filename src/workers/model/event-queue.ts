/** Values pushed by one side and awaited by the other, in order. After `fail`, what is queued still comes first. */
export class EventQueue<T> {
	readonly #queued: T[] = [];
	#waiting: { resolve: (value: T) => void; reject: (error: Error) => void } | undefined;
	#failure: Error | undefined;

	push(value: T): void {
		const waiting = this.#waiting;
		this.#waiting = undefined;
		if (waiting) waiting.resolve(value);
		else this.#queued.push(value);
	}

	fail(error: Error): void {
		this.#failure ??= error;
		const waiting = this.#waiting;
		this.#waiting = undefined;
		waiting?.reject(error);
	}

	next(): Promise<T> {
		if (this.#queued.length > 0) return Promise.resolve(this.#queued.shift()!);
		if (this.#failure) return Promise.reject(this.#failure);
		return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
	}
}

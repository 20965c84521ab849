/** A value that changes; cells that use it run again with it. */
export class Value<T> {
	#now: T;
	readonly #waiting = new Set<() => void>();

	constructor(now: T) {
		this.#now = now;
	}

	get now(): T {
		return this.#now;
	}

	set(now: T): void {
		this.#now = now;
		for (const wake of this.#waiting) wake();
		this.#waiting.clear();
	}

	/** What is made of the value now, and of each later one; nothing while it is undefined. */
	async *values<U>(make: (value: NonNullable<T>) => U): AsyncGenerator<U> {
		let last: T | undefined;
		for (;;) {
			const now = this.#now;
			if (now !== undefined && now !== null && now !== last) {
				last = now;
				yield make(now);
			} else await new Promise<void>((resolve) => this.#waiting.add(resolve));
		}
	}
}

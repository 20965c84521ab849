/** Keeps the values used last. */
export class Lru<T> {
	readonly #capacity: number;
	readonly #entries = new Map<string, T>();

	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	get(key: string): T | undefined {
		const value = this.#entries.get(key);
		if (value !== undefined) {
			this.#entries.delete(key);
			this.#entries.set(key, value);
		}
		return value;
	}

	delete(key: string): void {
		this.#entries.delete(key);
	}

	set(key: string, value: T): void {
		this.#entries.delete(key);
		this.#entries.set(key, value);
		if (this.#entries.size > this.#capacity) this.#entries.delete(this.#entries.keys().next().value!);
	}
}

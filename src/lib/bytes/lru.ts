/** Keeps the values that were used last, at most `capacity` of them. */
export class Lru<K, V> {
	readonly #capacity: number;
	/** In the order of their last use. */
	readonly #entries = new Map<K, V>();

	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** Number of values kept. */
	get size(): number {
		return this.#entries.size;
	}

	get(key: K): V | undefined {
		const value = this.#entries.get(key);
		if (value !== undefined) {
			this.#entries.delete(key);
			this.#entries.set(key, value);
		}
		return value;
	}

	set(key: K, value: V): void {
		this.#entries.delete(key);
		this.#entries.set(key, value);
		for (const oldest of this.#entries.keys()) {
			if (this.#entries.size <= this.#capacity) break;
			this.#entries.delete(oldest);
		}
	}

	/** Keys and values, the longest unused first. */
	entries(): IterableIterator<[K, V]> {
		return this.#entries.entries();
	}

	delete(key: K): void {
		this.#entries.delete(key);
	}

	clear(): void {
		this.#entries.clear();
	}
}

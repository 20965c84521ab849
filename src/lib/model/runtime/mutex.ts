/** Lets one task in at a time, in the order they came. */
export class Mutex {
	#last: Promise<void> = Promise.resolve();

	/** Resolves, when it is one's turn, to the function that ends it. */
	async acquire(): Promise<() => void> {
		const before = this.#last;
		let release = (): void => undefined;
		this.#last = new Promise((resolve) => (release = resolve));
		await before;
		return release;
	}
}

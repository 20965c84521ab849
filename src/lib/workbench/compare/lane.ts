/** Work for one worker, one piece after the other: a stop then stops one piece and not what waits behind it. */
export class Lane {
	#tail: Promise<unknown> = Promise.resolve();

	/** Runs `work` when everything before it has ended. @throws AbortError at once when aborted while it waits */
	async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
		const before = this.#tail;
		const { promise: ended, resolve: end } = Promise.withResolvers<void>();
		this.#tail = before.then(() => ended);
		try {
			await untilAborted(before, signal);
			return await work();
		} finally {
			end();
		}
	}
}

async function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
	signal.throwIfAborted();
	const { promise: aborted, reject } = Promise.withResolvers<never>();
	const stop = () => reject(signal.reason as Error);
	signal.addEventListener('abort', stop, { once: true });
	try {
		await Promise.race([promise, aborted]);
	} finally {
		signal.removeEventListener('abort', stop);
	}
}

/** What is said of a worker that ended. */
export interface LifeWords {
	/** E.g. "The converter". */
	readonly who: string;
	/** What to do when it could not be started, as the end of that sentence. */
	readonly notStarted: string;
}

/**
 * Notices the end of a worker in whatever way it comes: by an error, or without a message when the browser ended it.
 * @param watch makes the worker hold a lock of the given name (`holdForLife`)
 * @param ended is told why, a sentence without its full stop
 * @returns `started` settles once the worker answers and is watched; `forget` ends the watch
 */
export function watchWorker(
	worker: Worker,
	watch: (lock: string) => Promise<void>,
	{ who, notStarted }: LifeWords,
	ended: (why: string) => void
): { readonly started: Promise<void>; readonly forget: () => void } {
	worker.addEventListener('error', (event) => {
		event.preventDefault();
		ended(event.message ? `${who} stopped: ${event.message}` : `${who} could not be started${notStarted}`);
	});
	worker.addEventListener('messageerror', () => ended(`${who} sent an unreadable message`));
	const lock = `honeybee-life-${Date.now()}-${Math.random()}`;
	const forgotten = new AbortController();
	const started = watch(lock).then(() => {
		// The lock comes to us only when the worker that holds it is gone.
		void navigator.locks
			?.request(lock, { signal: forgotten.signal }, () =>
				ended(`${who} stopped without a message, probably for want of memory`)
			)
			.catch(() => undefined);
	});
	started.catch(() => undefined);
	return { started, forget: () => forgotten.abort() };
}

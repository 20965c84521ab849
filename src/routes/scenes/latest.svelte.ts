interface InHand<In> {
	readonly input: In;
	readonly started: number;
	readonly abort: AbortController;
}

/** Work that is behind by more than this is given up for what is newer, milliseconds. */
const PATIENCE = 2000;

/**
 * Work that follows something that changes faster than it can be done: one at a time, then the newest; what lies between is skipped.
 * Work in hand is given up when nobody waits for it any more, when what is newer asks for something else, and when it takes so long
 * that its result would follow nothing.
 */
export class Latest<In, Out> {
	/** What came out last, with what it was made from. */
	result = $state.raw<{ readonly input: In; readonly output: Out } | undefined>();
	error = $state.raw<string | undefined>();
	busy = $state(false);
	/** Results per second over the last two seconds of work; undefined until two have come. */
	perSecond = $state.raw<number | undefined>();
	/** Milliseconds the last one took. */
	took = $state.raw<number | undefined>();

	readonly #work: (input: In, signal: AbortSignal) => Promise<Out>;
	readonly #alike: (before: In, next: In) => boolean;
	readonly #now: () => number;
	#waiting: { readonly input: In } | undefined;
	/** The work in hand. */
	#current: InHand<In> | undefined;
	#patience: ReturnType<typeof setTimeout> | undefined;
	/** When results came while work went on without a pause. */
	#times: number[] = [];

	/**
	 * @param work rejects when its signal is aborted
	 * @param alike whether a result for the one is still worth showing while the other waits; always when absent
	 */
	constructor(
		work: (input: In, signal: AbortSignal) => Promise<Out>,
		{
			alike = () => true,
			now = () => performance.now()
		}: { readonly alike?: (before: In, next: In) => boolean; readonly now?: () => number } = {}
	) {
		this.#work = work;
		this.#alike = alike;
		this.#now = now;
	}

	/** The newest input; worked on at once, or when the work in hand is done, in place of what waited. */
	submit(input: In): void {
		this.#waiting = { input };
		if (this.#current) this.#hasten(this.#current, input);
		else if (!this.busy) void this.#run();
	}

	/** Gives up the work in hand and forgets what waits. */
	stop(): void {
		this.#waiting = undefined;
		this.#times = [];
		this.#current?.abort.abort();
	}

	#hasten({ input, started, abort }: InHand<In>, next: In): void {
		if (!this.#alike(input, next)) abort.abort();
		else this.#patience ??= setTimeout(() => abort.abort(), PATIENCE - (this.#now() - started));
	}

	async #run(): Promise<void> {
		this.busy = true;
		let started = this.#now();
		this.#times = [started];
		for (let next = this.#take(); next !== undefined; next = this.#take()) {
			const abort = new AbortController();
			this.#current = { input: next.input, started, abort };
			try {
				const output = await this.#work(next.input, abort.signal);
				abort.signal.throwIfAborted();
				this.result = { input: next.input, output };
				this.error = undefined;
			} catch (error) {
				if (!abort.signal.aborted)
					this.error =
						error instanceof Error && error.message !== '' ? error.message : 'Something went wrong.';
			} finally {
				this.#current = undefined;
				clearTimeout(this.#patience);
				this.#patience = undefined;
			}
			const ended = this.#now();
			if (abort.signal.aborted) {
				started = ended;
				continue;
			}
			this.took = ended - started;
			started = ended;
			// The one before always counts, however slow the work is.
			this.#times = [
				...this.#times.filter((time, i, all) => ended - time < 2000 || i === all.length - 1),
				ended
			];
			this.#measure();
		}
		this.busy = false;
	}

	#take(): { readonly input: In } | undefined {
		const next = this.#waiting;
		this.#waiting = undefined;
		return next;
	}

	#measure(): void {
		const [first, last] = [this.#times[0], this.#times.at(-1)];
		if (first === undefined || last === undefined || last <= first) return;
		this.perSecond = ((this.#times.length - 1) * 1000) / (last - first);
	}
}

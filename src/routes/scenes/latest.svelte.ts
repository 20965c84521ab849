/** Work that follows something that changes faster than it can be done: one at a time, then the newest; what lies between is skipped. */
export class Latest<In, Out> {
	/** What came out last, with what it was made from. */
	result = $state.raw<{ readonly input: In; readonly output: Out } | undefined>();
	error = $state.raw<string | undefined>();
	busy = $state(false);
	/** Results per second over the last two seconds of work; undefined until two have come. */
	perSecond = $state.raw<number | undefined>();
	/** Milliseconds the last one took. */
	took = $state.raw<number | undefined>();

	readonly #work: (input: In) => Promise<Out>;
	readonly #now: () => number;
	#waiting: { readonly input: In } | undefined;
	/** When results came while work went on without a pause. */
	#times: number[] = [];

	constructor(work: (input: In) => Promise<Out>, now: () => number = () => performance.now()) {
		this.#work = work;
		this.#now = now;
	}

	/** The newest input; worked on at once, or when the work in hand is done, in place of what waited. */
	submit(input: In): void {
		this.#waiting = { input };
		if (!this.busy) void this.#run();
	}

	/** Forgets what waits; the work in hand comes to its end unseen. */
	stop(): void {
		this.#waiting = undefined;
		this.#times = [];
	}

	async #run(): Promise<void> {
		this.busy = true;
		let started = this.#now();
		this.#times = [started];
		for (let next = this.#take(); next !== undefined; next = this.#take()) {
			try {
				const output = await this.#work(next.input);
				this.result = { input: next.input, output };
				this.error = undefined;
			} catch (error) {
				this.error = error instanceof Error && error.message !== '' ? error.message : 'Something went wrong.';
			}
			const ended = this.#now();
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

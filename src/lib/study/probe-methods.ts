import { probes, type ProbeName, type ProbeRequest, type ProbeResult, type Probes } from './answerer.ts';
import type { Control } from './control.ts';

abstract class ByName {
	/** Runs the probe of that name. */
	abstract probe<N extends ProbeName>(
		name: N,
		request: ProbeRequest[N],
		control?: Control
	): Promise<ProbeResult[N]>;

	constructor() {
		const method =
			<N extends ProbeName>(name: N) =>
			(request: ProbeRequest[N], control?: Control) =>
				this.probe(name, request, control);
		for (const name of probes) Object.defineProperty(this, name, { value: method(name) });
	}
}

/**
 * A class with a method for every probe, each of which is `probe` with its name: an answerer that extends it writes that one alone, and
 * none when there is another probe.
 */
export const ProbeMethods = ByName as abstract new () => ByName & Probes;

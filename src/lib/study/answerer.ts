import type { HoneybeeModel } from '../model/runtime/model.ts';
import type { AnswerEvent, AnswerRequest } from '../model/runtime/types.ts';
import type { Control } from './control.ts';

/**
 * Everything that is computed from a model beside an answer: methods of `HoneybeeModel` that take a request and a `Control`. A new
 * probe is such a method and its name here; the worker runs it and its client has it as a method then.
 */
export const probes = [
	'trace',
	'locality',
	'towerAttention',
	'nearestWords',
	'score',
	'influence',
	'lens',
	'limits'
] as const satisfies readonly (keyof HoneybeeModel)[];

export type ProbeName = (typeof probes)[number];
export type ProbeRequest = { readonly [N in ProbeName]: Parameters<HoneybeeModel[N]>[0] };
export type ProbeResult = { readonly [N in ProbeName]: Awaited<ReturnType<HoneybeeModel[N]>> };

/** What each gives, and what it throws, stands at the method of `HoneybeeModel`. */
export type Probes = {
	[N in ProbeName]: (request: ProbeRequest[N], control?: Control) => Promise<ProbeResult[N]>;
};

/**
 * A loaded model, wherever it runs: `HoneybeeModel` in this thread (Node), or the client of the worker that holds it (the page).
 * Everything rejects with InputError for a request that cannot be answered, and with the signal's reason when aborted.
 */
export interface Answerer extends Probes {
	/** Events of one answer, ended by `done`. Aborted, it ends with `stop_reason: 'cancelled'`; `ask` makes that an error. */
	answer(request: AnswerRequest, control?: Control): AsyncIterable<AnswerEvent>;
}

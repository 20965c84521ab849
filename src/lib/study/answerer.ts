import type { LocalityMaps } from '../model/probes/locality.ts';
import type {
	AnswerEvent,
	AnswerProbe,
	AnswerRequest,
	AnswerScores,
	Influence,
	InfluenceRequest,
	LensGrid,
	LensRequest,
	LocalityRequest,
	Trace,
	TraceRequest
} from '../model/runtime/types.ts';
import type { Control } from './control.ts';

/**
 * A loaded model, wherever it runs: `HoneybeeModel` in this thread (Node), or the client of the worker that holds it (the page).
 * Everything rejects with InputError for a request that cannot be answered, and with the signal's reason when aborted.
 */
export interface Answerer {
	/** Events of one answer, ended by `done`. Aborted, it ends with `stop_reason: 'cancelled'`; `ask` makes that an error. */
	answer(request: AnswerRequest, control?: Control): AsyncIterable<AnswerEvent>;
	/** Activations of one image, under their golden names. */
	trace(request: TraceRequest, control?: Control): Promise<Trace>;
	/** Locality maps of one image, by output: float32 [token, patch]. */
	locality(request: LocalityRequest, control?: Control): Promise<LocalityMaps>;
	/** Forced decoding of an answer, its own or another model's. */
	score(request: AnswerProbe, control?: Control): Promise<AnswerScores>;
	/** How much each visual token bears on each token of an answer. */
	influence(request: InfluenceRequest, control?: Control): Promise<Influence>;
	/** Logit lens on the visual tokens. */
	lens(request: LensRequest, control?: Control): Promise<LensGrid>;
}

import type { AnswerEvent, AnswerRequest, AnswerResult } from '../model/runtime/types.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';

type Stage = Extract<AnswerEvent, { readonly type: 'stage' }>['stage'];

export interface AskControl extends Control {
	/** Gets the text after each new token, whole. */
	readonly onText?: ((text: string) => void) | undefined;
	/** Told when a stage begins. */
	readonly onStage?: ((stage: Stage) => void) | undefined;
}

/**
 * Reads an answer to its end, which may be that it was cancelled (`stop_reason`).
 * @throws as `Answerer.answer`; Error when the events end without a result
 */
export async function drain(
	answerer: Pick<Answerer, 'answer'>,
	request: AnswerRequest,
	{ onText, onStage, ...control }: AskControl = {}
): Promise<AnswerResult> {
	for await (const event of answerer.answer(request, control)) {
		if (event.type === 'token') onText?.(event.text);
		else if (event.type === 'stage') onStage?.(event.stage);
		else return event.result;
	}
	throw new Error('The answer ended before it was whole; ask again.');
}

/**
 * The whole answer to one request. One that was cut off is no answer.
 * @throws the signal's reason when aborted; Error when something else stopped the answer; as `drain`
 */
export async function ask(
	answerer: Pick<Answerer, 'answer'>,
	request: AnswerRequest,
	control: AskControl = {}
): Promise<AnswerResult> {
	control.signal?.throwIfAborted();
	const result = await drain(answerer, request, control);
	control.signal?.throwIfAborted();
	if (result.stop_reason === 'cancelled')
		throw new Error('The answer was stopped by something else before it was whole; ask again.');
	return result;
}

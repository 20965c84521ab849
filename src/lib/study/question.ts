import type { AnswerRequest, ImageInput } from '../model/runtime/types.ts';

/** One image through one projector, as requests name it. */
export interface Seen {
	readonly projector: string;
	/** M; the projector's own when absent. */
	readonly tokens?: number;
	readonly image: ImageInput;
	/** Of its views the one that is looked at; an answer is about all of them. */
	readonly view?: number;
}

/** The one question about the one image, without anything said before. */
export function questionRequest(
	{ image, view: _looked, ...choice }: Seen,
	question: string
): Omit<AnswerRequest, 'sampling'> {
	return { ...choice, turns: [{ question, images: [image] }] };
}

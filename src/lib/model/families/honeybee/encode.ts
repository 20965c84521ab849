import { IGNORE_LABEL, IMAGE_TOKEN_ID, type TextTokenizer } from '../../text/text-tokenizer.ts';

const IMAGE = '<image>';
const ANSWER_ROLE = '\nAI: ';
const HUMAN_ROLE = '\nHuman: ';
const CHUNKS = new RegExp(`(${IMAGE}|${ANSWER_ROLE}|${HUMAN_ROLE})`);
const CAPTIONING = '[NO_PROMPT] <image> ';

export interface EncodeOptions {
	/** Visual tokens per image, M + K. */
	readonly tokensPerImage: number;
	/** Leave out the eos after a last answer, for generation (upstream's `no_eos`); true unless given. */
	readonly noEos?: boolean;
	/** Longest encoding without bos; text is cut, an image that does not fit is left out with all that follows. */
	readonly maxLength?: number;
	/** Ids for the answers of the prompt in order, used instead of encoding their text; undefined encodes. */
	readonly answerIds?: readonly (readonly number[] | undefined)[];
}

export interface EncodedPrompt {
	/** [position], bos first, -1 for each visual token. */
	readonly input_ids: number[];
	/** [position], the id where an answer is trained on, -100 elsewhere; not shifted. */
	readonly labels: number[];
	/** Position of the first visual token of each image. */
	readonly image_starts: number[];
}

/**
 * Encodes a prompt as upstream does: bos, then each chunk between the literals `<image>`, `\nAI: ` and `\nHuman: `
 * (and the role literals themselves) on its own; an image becomes `tokensPerImage` times -1; the chunk after `\nAI: `
 * is an answer, which is labelled and ended by eos. `[NO_PROMPT] <image> caption` is bos, image, caption, eos.
 * @see upstream `honeybee/tokenization_honeybee.py`
 */
export function encodePrompt(
	tokenizer: TextTokenizer,
	prompt: string,
	options: EncodeOptions
): EncodedPrompt {
	const { tokensPerImage, noEos = true, maxLength = Infinity, answerIds = [] } = options;
	const limit = maxLength + 1;
	const ids = tokenizer.bosId === undefined ? [] : [tokenizer.bosId];
	const labels = [IGNORE_LABEL];
	const starts: number[] = [];
	const addImage = (): void => {
		starts.push(ids.length);
		for (let i = 0; i < tokensPerImage; i++) ids.push(IMAGE_TOKEN_ID);
		for (let i = 0; i < tokensPerImage; i++) labels.push(IGNORE_LABEL);
	};
	const addText = (chunk: readonly number[], isAnswer: boolean): void => {
		for (const id of chunk) ids.push(id);
		for (const id of chunk) labels.push(isAnswer ? id : IGNORE_LABEL);
	};
	if (prompt.startsWith(CAPTIONING)) {
		addImage();
		addText([...tokenizer.tokenize(prompt.replaceAll(CAPTIONING, '')), tokenizer.eosId], true);
	} else {
		const chunks = prompt.split(CHUNKS).filter((chunk) => chunk !== '');
		let answers = 0;
		for (const [i, chunk] of chunks.entries()) {
			if (ids.length >= limit) break;
			if (chunk === IMAGE) {
				if (ids.length + tokensPerImage > limit) break;
				addImage();
			} else if (i > 0 && chunks[i - 1] === ANSWER_ROLE) {
				// After an empty answer upstream takes the next role literal for the answer.
				const given = answerIds[answers++];
				addText(
					encodeAnswer(tokenizer, chunk, chunk === HUMAN_ROLE || chunk === ANSWER_ROLE ? undefined : given),
					true
				);
			} else {
				addText(tokenizer.tokenize(chunk), false);
			}
		}
	}
	// Before cutting, as upstream: of an answer cut off nothing more is taken.
	if (noEos && ids.at(-1) === tokenizer.eosId) {
		ids.pop();
		labels.pop();
	}
	return {
		input_ids: ids.slice(0, limit),
		labels: labels.slice(0, limit),
		image_starts: starts.filter((start) => start < limit)
	};
}

function encodeAnswer(
	tokenizer: TextTokenizer,
	text: string,
	generated: readonly number[] | undefined
): number[] {
	const ids = generated === undefined ? tokenizer.tokenize(text) : [...generated];
	return generated?.at(-1) === tokenizer.eosId ? ids : [...ids, tokenizer.eosId];
}

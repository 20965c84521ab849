import type { ImageInput, Turn } from '../../src/lib/model/runtime/types.ts';

interface Item {
	readonly type: 'text' | 'image';
	readonly text?: string;
}

/** A case of a family's `golden.json`. */
export interface GoldenCase {
	readonly messages?: readonly { readonly role: string; readonly content: string | readonly Item[] }[];
	/** Questions and answers by turns, or both of each turn with the pictures' places. */
	readonly turns?: readonly (string | readonly [question: string, answer: string | null])[];
	/** Name of the template, or the messages that it makes the prompt of, pictures in a message of their own. */
	readonly conv?: string | readonly { readonly role: string; readonly content: string }[];
	/** M, where it can be chosen. */
	readonly num_visual_tokens?: number;
	readonly images: readonly string[];
	/** Other settings of pictures than the folder's. */
	readonly image_kwargs?: Readonly<Record<string, unknown>>;
	/** What it tests depends on no backend: it runs in Node alone. */
	readonly node_only?: boolean;
	readonly prompt: string;
	readonly input_ids: readonly number[];
	readonly generated_ids: readonly number[];
	readonly generated_text: string;
}

/** The conversation of a case; undefined where only its whole prompt says it (words before a picture, another template). */
export function turnsOf(example: GoldenCase, images: readonly ImageInput[]): Turn[] | undefined {
	const { messages, turns: texts, prompt, conv } = example;
	if (typeof texts?.[0] === 'string')
		return alternating(texts as readonly string[]).map((turn, i) => ({
			...turn,
			images: i === 0 ? images : []
		}));
	if (typeof conv === 'object') return ofTexts(conv, images);
	if (!messages) {
		if (conv === 'llava_v1') return undefined;
		const [, ...asked] = prompt.split('USER: ');
		const parts = asked
			.flatMap((turn) => turn.split(/ ASSISTANT: ?/))
			.map((part) => part.replace(/<\/s>$/, ''));
		return withPictures(alternating(parts.slice(0, -1)), images);
	}
	const left = [...images];
	const turns: Turn[] = [];
	for (const { role, content } of messages ?? []) {
		// A system message is not one of a conversation here.
		if (typeof content === 'string') return undefined;
		const types = content.map(({ type }) => type).join();
		if (!/^(image,)*text$/.test(types)) return undefined;
		const text = content.at(-1)!.text!;
		if (role === 'user') turns.push({ question: text, images: left.splice(0, content.length - 1) });
		else turns.push({ ...turns.pop()!, answer: text });
	}
	return turns;
}

/** Turns of messages whose pictures are messages of their own; what the family says first is left out. */
function ofTexts(
	messages: Exclude<GoldenCase['conv'], string | undefined>,
	images: readonly ImageInput[]
): Turn[] {
	const left = [...images];
	let own: ImageInput[] = [];
	const turns: Turn[] = [];
	for (const { role, content } of messages) {
		const count = content.split('<image>').length - 1;
		if (role === 'user' && count > 0) own = left.splice(0, count);
		else if (role === 'user') {
			turns.push({ question: content, images: own });
			own = [];
		} else if (role === 'assistant') turns.push({ ...turns.pop()!, answer: content });
	}
	return turns;
}

/** Questions and answers by turns. */
const alternating = (texts: readonly string[]): Omit<Turn, 'images'>[] =>
	texts.flatMap((question, i) =>
		i % 2 === 1 ? [] : [{ question, ...(texts[i + 1] !== undefined && { answer: texts[i + 1]! }) }]
	);

/** Questions that begin with their pictures' places; undefined where a place stands elsewhere. */
function withPictures(
	turns: readonly Omit<Turn, 'images'>[],
	images: readonly ImageInput[]
): Turn[] | undefined {
	const left = [...images];
	const found = turns.map((turn): Turn => {
		const question = turn.question.replace(/^(<image>\n)+/, '');
		const count = (turn.question.length - question.length) / '<image>\n'.length;
		return { ...turn, question, images: left.splice(0, count) };
	});
	return found.some(({ question }) => question.includes('<image>')) ? undefined : found;
}

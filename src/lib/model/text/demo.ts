import { IMAGE_PLACEHOLDER } from './prompts.ts';

/** System line of upstream's demo, which differs from that of training and evaluation. */
export const DEMO_SYSTEM =
	"The following is a conversation between a curious human and AI. The AI gives helpful, detailed, and polite answers to the human's questions.";

const SPECIAL_LITERALS =
	/<unk>|<pad>|<s>|<\/s>|\[PAD\]|<\|endoftext\|>|\[UNK\]|\[CLS\]|\[MASK\]|<\|startofpiece\|>|<\|endofpiece\|>|\[gMASK\]|\[sMASK\]/g;
const FENCE = '\n```';

/** A role and what it said; null where the answer is to be generated. */
export type DemoMessage = readonly [role: 'Human' | 'AI', text: string | null];

/** A user's message in the demo: `<image>` is appended for an image unless the text has it. */
export function demoMessage(text: string, hasImage: boolean): string {
	return hasImage && !text.includes(IMAGE_PLACEHOLDER) ? `${text}\n${IMAGE_PLACEHOLDER}` : text;
}

/** The demo's prompt before images are moved (`Conversation.get_prompt`). */
export function demoRawPrompt(messages: readonly DemoMessage[]): string {
	// An empty message counts as an absent one, without the line's end.
	return messages.reduce(
		(prompt, [role, text]) => prompt + (text ? `${role}: ${text}\n` : `${role}:`),
		`${DEMO_SYSTEM}\n`
	);
}

/**
 * Puts a line `Human: <image>` before each line with images and adds the last space, as the demo does
 * (`after_process_image`). Several images in one message give a single such line there; `formatConversation`, which
 * this project uses, gives one for each.
 */
export function demoPrompt(messages: readonly DemoMessage[]): string {
	const lines = demoRawPrompt(messages).replaceAll(`\n${IMAGE_PLACEHOLDER}`, IMAGE_PLACEHOLDER).split('\n');
	const moved = lines.flatMap((line) =>
		line.includes(IMAGE_PLACEHOLDER)
			? [`Human: ${IMAGE_PLACEHOLDER}`, line.replaceAll(IMAGE_PLACEHOLDER, '')]
			: [line]
	);
	return `${moved.join('\n')} `.replaceAll('\n Human', '\nHuman').replaceAll('\n AI', '\nAI');
}

/** The demo's clean-up of an answer: special tokens written out are deleted, white space at the ends too. */
export function cleanDemoOutput(text: string): string {
	return text.trim().replace(SPECIAL_LITERALS, '').trim();
}

/** Unescapes `\_` inside code blocks, if every block that is opened is closed. */
export function cleanDemoCode(text: string): string {
	const blocks = text.split(FENCE);
	if (blocks.length % 2 === 0) return text;
	return blocks.map((block, i) => (i % 2 === 1 ? block.replaceAll('\\_', '_') : block)).join(FENCE);
}

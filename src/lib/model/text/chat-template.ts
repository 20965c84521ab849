import { Template } from '@huggingface/jinja';
import { sentence } from '../../bytes/sentence.ts';
import { InputError } from '../../tensor/errors.ts';
import { asPython, pythonFunctions } from './python-jinja.ts';

/** A part of a message, as templates of models with pictures expect it. */
export type MessageItem =
	| { readonly type: 'text'; readonly text: string }
	/** Some templates write the name of the picture's file. */
	| { readonly type: 'image'; readonly filename?: string };

export interface ChatMessage {
	readonly role: 'system' | 'user' | 'assistant';
	/** Items, or a text where the template takes texts alone. */
	readonly content: readonly MessageItem[] | string;
}

const parsed = new Map<string, Template>();

function read(template: string): Template {
	const known = parsed.get(template);
	if (known) return known;
	const made = new Template(template);
	asPython(made);
	parsed.set(template, made);
	return made;
}

/**
 * The text that a model's own chat template (Jinja) makes of a conversation, with the beginning of the answer to come.
 * @param variables what else the template asks for, e.g. `bos_token`
 * @throws InputError when the template cannot be read, or refuses the conversation
 */
export function renderChat(
	template: string,
	messages: readonly ChatMessage[],
	variables: Readonly<Record<string, unknown>> = {}
): string {
	try {
		return read(template).render({
			...variables,
			...pythonFunctions,
			messages,
			add_generation_prompt: true
		});
	} catch (error) {
		throw new InputError(
			`The model's chat template cannot write this conversation (${sentence(error).replace(/\.$/, '')}); use --raw-prompt, or correct the template.`
		);
	}
}

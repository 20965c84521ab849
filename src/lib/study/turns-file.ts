import { isObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';

/** A question of a conversation with the answer that was given. */
export interface AnsweredTurn {
	readonly question: string;
	readonly answer: string;
}

/** What a conversation that the chat exports is called in its file. */
export const CONVERSATION = 'honeybee-conversation';

/**
 * Earlier turns in a JSON file: what the chat exports, a list of `{"question", "answer"}`, or messages as chat programs have them,
 * `{"role": "user" | "assistant", "content": text}` in turns.
 * @param name of the file, for messages
 * @throws InputError naming what is none of these
 */
export function readTurns(text: string, name: string): AnsweredTurn[] {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw new InputError(`${name} is no JSON; ${forms}.`);
	}
	const exported = isObject(value) && value['format'] === CONVERSATION ? value['exchanges'] : value;
	const list = isObject(exported) ? exported['messages'] : exported;
	if (!Array.isArray(list)) throw new InputError(`${name} holds no conversation; ${forms}.`);
	const turns = list.every((one) => isObject(one) && 'role' in one) ? pairs(list, name) : list;
	return turns.map((turn: unknown, i) => {
		const { question, answer, error } = isObject(turn) ? turn : {};
		if (typeof question !== 'string' || typeof answer !== 'string' || question.trim() === '')
			throw new InputError(`Turn ${i + 1} of ${name} is no question with its answer; ${forms}.`);
		if (error !== undefined)
			throw new InputError(
				`Turn ${i + 1} of ${name} has an answer that was cut off; take it out of the file.`
			);
		return { question, answer };
	});
}

const forms =
	'give the chat’s export, a list of {"question", "answer"}, or of {"role", "content"} in which user and assistant take turns';

function pairs(messages: readonly unknown[], name: string): { question: unknown; answer: unknown }[] {
	const roles = messages.map((one) => (isObject(one) ? one['role'] : undefined));
	const inTurns = roles.every((role, i) => role === (i % 2 === 0 ? 'user' : 'assistant'));
	if (!inTurns || messages.length % 2 > 0)
		throw new InputError(
			`The messages of ${name} are not by user and assistant in turns, with an answer last; ${forms}.`
		);
	const contents = messages.map((one) => (isObject(one) ? one['content'] : undefined));
	return Array.from({ length: messages.length / 2 }, (_, i) => ({
		question: contents[2 * i],
		answer: contents[2 * i + 1]
	}));
}

import { isObject } from '../../bytes/json.ts';
import { CONVERSATION } from '../../study/turns-file.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Exchange } from './exchange.svelte.ts';
import { recordOf, type ExchangeRecord } from './exchange-record.ts';

const VERSION = 1;

/**
 * The conversation as JSON: every question and answer with what it was computed from, pictures by name and sha256.
 * @param application the workbench and its version
 */
export function conversationFile(exchanges: readonly Exchange[], application: string): string {
	const file = {
		format: CONVERSATION,
		version: VERSION,
		application,
		exchanges: exchanges.map((exchange) => {
			const { id, texts, ...record } = recordOf(exchange);
			return { time: new Date(id).toISOString(), ...record, after: shortened(texts, record.answer) };
		})
	};
	return `${JSON.stringify(file, undefined, '\t')}\n`;
}

/** The answer after each token: how much of the whole, or the text where a letter was not whole yet. */
const shortened = (texts: readonly string[], answer: string): (number | string)[] =>
	texts.map((text) => (answer.startsWith(text) ? text.length : text));

/**
 * The exchanges of such a file.
 * @param name of the file, for messages
 * @throws InputError for a file of another kind or version, or a damaged one
 */
export function readConversationFile(text: string, name: string): ExchangeRecord[] {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		value = undefined;
	}
	if (!isObject(value) || value['format'] !== CONVERSATION || !Array.isArray(value['exchanges']))
		throw new InputError(`${name} is no conversation; open a file that Export of a conversation wrote.`);
	if (value['version'] !== VERSION)
		throw new InputError(
			`${name} has version ${JSON.stringify(value['version'])}; this workbench reads version ${VERSION}, use a newer one.`
		);
	return value['exchanges'].map((one: unknown, i) => {
		const record = recordIn(one);
		if (!record)
			throw new InputError(`Question ${i + 1} of ${name} is damaged; export the conversation again.`);
		return record;
	});
}

function recordIn(value: unknown): ExchangeRecord | undefined {
	if (!isObject(value)) return undefined;
	const { time, question, answer, together, picture, asked, result, error, after = [] } = value;
	const id = typeof time === 'string' ? Date.parse(time) : NaN;
	const whole =
		Number.isFinite(id) &&
		typeof question === 'string' &&
		typeof answer === 'string' &&
		typeof together === 'boolean' &&
		(picture === undefined || areStrings(picture, 'id', 'name')) &&
		(asked === undefined || isAsked(asked)) &&
		(result === undefined || isResult(result)) &&
		(error === undefined || typeof error === 'string') &&
		Array.isArray(after) &&
		after.every((one) => typeof one === 'string' || typeof one === 'number');
	if (!whole) return undefined;
	const texts = after.map((one) => (typeof one === 'number' ? answer.slice(0, one) : one));
	const { time: _time, after: _after, ...record } = value;
	return { ...(record as unknown as ExchangeRecord), id, texts };
}

const areStrings = (value: unknown, ...keys: readonly string[]): boolean =>
	isObject(value) && keys.every((key) => typeof value[key] === 'string');

const isAsked = (value: unknown): boolean =>
	areStrings(value, 'model', 'projector', 'projectorTitle') &&
	isObject(value) &&
	typeof value['tokens'] === 'number' &&
	isObject(value['sampling']) &&
	Array.isArray(value['projectors']) &&
	Array.isArray(value['turns']) &&
	value['turns'].every((turn) => areStrings(turn, 'question'));

const isResult = (value: unknown): boolean =>
	areStrings(value, 'text', 'stop_reason', 'backend', 'dtype') &&
	isObject(value) &&
	['ids', 'prompt_ids'].every((key) => Array.isArray(value[key])) &&
	isObject(value['timings_ms']);

import { parseArgs, type ParseArgsConfig } from 'node:util';
import { InputError } from '../lib/tensor/errors.ts';

/** What a command may use of the process. */
export interface Terminal {
	/** Result text, to standard output. */
	write(text: string): void;
	/** A line that is replaced by the next one, on a terminal only; '' clears it. */
	progress(text: string): void;
	/** A line for the reader, on standard error of a terminal only. */
	note(text: string): void;
	/** What the reader must know of the result, a sentence: on standard error, a terminal or not. */
	warn(text: string): void;
	/** Aborted by Ctrl-C. */
	readonly signal: AbortSignal;
}

export interface Command {
	/** Arguments after the command's name, for the usage line. */
	readonly synopsis: string;
	/** One line for the list of commands. */
	readonly summary: string;
	/** Options, a line each. */
	readonly details: readonly string[];
	/** Resolves to false when it was interrupted. */
	run(args: readonly string[], terminal: Terminal): Promise<boolean>;
}

/** `parseArgs` whose complaints are usable as they are. @throws InputError */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
	try {
		return parseArgs(config);
	} catch (error) {
		if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
			throw new InputError(
				`${firstSentence(error.message)} ${/ambiguous/.test(error.message) ? 'A value that begins with - is written --option=-value.' : 'See --help.'}`
			);
		throw error;
	}
}

function firstSentence(message: string): string {
	const [first = message] = message.split(/\.\s|\n/);
	return `${first.trim().replace(/\.$/, '')}.`;
}

/** A number given on the command line. @throws InputError when it is none. */
export function number(option: string, text: string, kind: 'integer' | 'number' = 'integer'): number {
	const value = text.trim() === '' ? NaN : Number(text);
	if (!(kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)))
		throw new InputError(
			`${option} is "${text}", which is not ${kind === 'integer' ? 'a whole number' : 'a number'}.`
		);
	return value;
}

/** An option's word, one of those there are. @throws InputError */
export function oneOf<const Words extends readonly string[]>(
	option: string,
	text: string,
	words: Words
): Words[number] {
	const found = words.find((word) => word === text);
	if (found === undefined)
		throw new InputError(`${option} is "${text}"; there are ${words.join(' and ')}. See --help.`);
	return found;
}

/** Positional arguments, as many as named. @throws InputError */
export function positionals<const Names extends readonly string[]>(
	given: readonly string[],
	...names: Names
): { [K in keyof Names]: string } {
	const missing = names[given.length];
	if (missing !== undefined) throw new InputError(`${missing} is missing. See --help.`);
	if (given.length > names.length)
		throw new InputError(`"${given[names.length]}" is one argument too many. See --help.`);
	return given as unknown as { [K in keyof Names]: string };
}

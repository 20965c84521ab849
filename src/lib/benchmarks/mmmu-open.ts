/** MMMU's scoring of open questions, as its authors wrote it and upstream uses it. */
import { parseFloatPython, roundPython, strip, stripCharacter } from './python/text.ts';

const INDICATORS = ['could be ', 'so ', 'is ', 'thus ', 'therefore ', 'final ', 'answer ', 'result '];
const TRIVIAL = new Set([':', ',', '.', '!', '?', ';', "'"]);

/** Word characters as Python counts them, to end a number as `\b` does there. */
const WORD = '[\\p{L}\\p{N}_]';
const NUMBERS = [
	// with commas, in scientific notation, plain
	`-?(?<!${WORD})\\p{Nd}{1,3}(?:,\\p{Nd}{3})+(?!${WORD})`,
	`-?\\p{Nd}+(?:\\.\\p{Nd}+)?[eE][+-]?\\p{Nd}+`,
	`-?(?:\\p{Nd}+\\.\\p{Nd}+|\\.\\p{Nd}+|\\p{Nd}+(?!${WORD}))(?![eE][+-]?\\p{Nd}+)(?![,\\p{Nd}])`
].map((pattern) => new RegExp(pattern, 'gu'));

/** Numbers in a text, form by form; one may be found in several forms. */
export function extractNumbers(text: string): string[] {
	return NUMBERS.flatMap((pattern) => text.match(pattern) ?? []);
}

/** A number rounded to two decimals, or lower-case text; one letter gets a space, to match as a word only. */
export function normalize(text: string): (string | number)[] {
	const trimmed = strip(text);
	const number = parseFloatPython(trimmed.replaceAll(',', ''));
	if (number !== undefined) return [roundPython(number, 2)];
	const lower = trimmed.toLowerCase();
	return [...lower].length === 1 ? [` ${lower}`, `${lower} `] : [lower];
}

/** The shortest tail behind an indicator, for each line; the whole response when no line has one. */
function keyResponses(response: string): string[] {
	const text = stripCharacter(strip(response), '.').toLowerCase();
	const parts = text.split('\n');
	const keys = parts.flatMap((part, i) => {
		const indicators = i === parts.length - 1 ? [...INDICATORS, '='] : INDICATORS;
		let shortest = '';
		for (const indicator of indicators) {
			if (!part.includes(indicator)) continue;
			const tail = strip(part.split(indicator).at(-1)!);
			if (shortest === '' || [...tail].length < [...shortest].length) shortest = tail;
		}
		return shortest !== '' && !TRIVIAL.has(shortest) ? [shortest] : [];
	});
	return keys.length > 0 ? keys : [text];
}

/** What an answer to an open question may mean. */
export function parseOpenResponse(response: string): (string | number)[] {
	const keys = keyResponses(response);
	const found = [...keys, ...keys.flatMap(extractNumbers)].flatMap(normalize);
	return [...new Set(found)];
}

/** Whether the right answer is contained in one of the texts or equal to one of the numbers. */
export function evalOpen(gold: string | readonly string[], parsed: readonly (string | number)[]): boolean {
	const right = (typeof gold === 'string' ? [gold] : gold).flatMap(normalize);
	return parsed.some((answer) =>
		typeof answer === 'string'
			? right.some((text) => typeof text === 'string' && answer.includes(text))
			: right.includes(answer)
	);
}

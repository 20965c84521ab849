/** What Python's string methods, `float` and `round` do where JavaScript's differ; upstream's scores depend on it. */

/** Characters that `str.strip()` and `str.split()` take for white space, as a class of a regular expression. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const ends = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, 'g');
const spaces = new RegExp(`[${SPACE}]+`);

/** `text.strip()` */
export function strip(text: string): string {
	return text.replace(ends, '');
}

/** `text.lstrip()` */
export function stripStart(text: string): string {
	return text.replace(new RegExp(`^[${SPACE}]+`), '');
}

/** `text.split()` */
export function words(text: string): string[] {
	return text.split(spaces).filter((word) => word !== '');
}

/** `text.strip(character)` for one character. */
export function stripCharacter(text: string, character: string): string {
	let start = 0;
	let end = text.length;
	while (start < end && text[start] === character) start++;
	while (end > start && text[end - 1] === character) end--;
	return text.slice(start, end);
}

/** Lines of a file that Python opened as text (`\n`, `\r\n` and `\r` end one), without their ends. */
export function lines(text: string): string[] {
	const all = text.split(/\r\n|\r|\n/);
	if (all.at(-1) === '') all.pop();
	return all;
}

const NUMBER = /^[+-]?(?:(?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[+-]?\d+(?:_\d+)*)?|inf(?:inity)?|nan)$/i;

/** `float(text)`; undefined where Python raises ValueError. */
export function parseFloatPython(text: string): number | undefined {
	const trimmed = strip(text);
	if (!NUMBER.test(trimmed) || !/\d|inf|nan/i.test(trimmed) || /^[+-]?\.?e/i.test(trimmed)) return undefined;
	const lower = trimmed.toLowerCase();
	if (lower.includes('nan')) return NaN;
	if (lower.includes('inf')) return lower.startsWith('-') ? -Infinity : Infinity;
	return Number(lower.replaceAll('_', ''));
}

/** `round(value, digits)`: to the nearest decimal of the exact binary value, halves to the even digit. */
export function roundPython(value: number, digits: number): number {
	if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 52) return value;
	const magnitude = Math.abs(value);
	// toFixed is exact, too, but takes halves away from zero.
	const digitsUp = Number(magnitude.toFixed(digits).replace('.', ''));
	const even = isHalf(magnitude, digits) && digitsUp % 2 === 1 ? digitsUp - 1 : digitsUp;
	return (Math.sign(value) * even) / 10 ** digits;
}

/** Whether exactly a 5 follows the last digit kept. A half is a multiple of a power of two, so its digits end soon. */
function isHalf(magnitude: number, digits: number): boolean {
	const written = magnitude.toFixed(digits + 40);
	return /^50*$/.test(written.slice(written.indexOf('.') + 1 + digits));
}

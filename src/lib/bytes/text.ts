/** The character of a code point, as a reader of numbers in XML needs it: U+FFFD where there is none. */
export function characterOf(code: number): string {
	return Number.isInteger(code) && code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}

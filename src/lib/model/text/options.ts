/** Letter of option `index`: A, B, … */
export function letter(index: number): string {
	return String.fromCharCode(65 + index);
}

/** Options as upstream lists them: `A. first\nB. second`, without a line end after the last. */
export function listOptions(options: readonly string[]): string {
	return options.map((option, i) => `${letter(i)}. ${option}`).join('\n');
}

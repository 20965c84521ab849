/** What of an answer can be shown, and whether it is over. */
export interface StopCheck {
	/** Text without the stop string, or without an end that may still become one. */
	readonly text: string;
	readonly stopped: boolean;
}

/** Looks for stop strings in the whole text so far. `final` is set when no more text can come. */
export function applyStopStrings(text: string, stop: readonly string[], final: boolean): StopCheck {
	let cut = Infinity;
	for (const word of stop) {
		const at = text.indexOf(word);
		if (at >= 0) cut = Math.min(cut, at);
	}
	if (cut < Infinity) return { text: text.slice(0, cut), stopped: true };
	if (final) return { text, stopped: false };
	return { text: text.slice(0, text.length - possibleStart(text, stop)), stopped: false };
}

/** Length of the longest end of `text` with which a stop string begins. */
function possibleStart(text: string, stop: readonly string[]): number {
	let longest = 0;
	for (const word of stop)
		for (let n = Math.min(word.length - 1, text.length); n > longest; n--)
			if (text.endsWith(word.slice(0, n))) {
				longest = n;
				break;
			}
	return longest;
}

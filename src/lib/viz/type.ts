/** Widths of text without a page to measure it on: figures are pure, and are drawn on the command line, too. */

/** Thousandths of the type's size of the letters from space to tilde, Helvetica's (its AFM file); Arial and Liberation Sans have the same. */
const advances = [
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
	556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
	500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
	556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
	278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584
];
/** Letters beyond ASCII are taken to be as wide as this. */
const OTHER = 584;
/** System fonts of other makers are a little wider. */
const SPARE = 1.03;

/** Pixels that one line of text needs at most, about. */
export function widthOf(content: string, size = 12): number {
	let sum = 0;
	for (const letter of content) sum += advances[letter.codePointAt(0)! - 32] ?? OTHER;
	return (sum / 1000) * size * SPARE;
}

/** The text, or as much of it as goes into `width` pixels, with an ellipsis. */
export function clipped(content: string, width: number, size = 12): string {
	if (widthOf(content, size) <= width) return content;
	const letters = [...content];
	while (letters.length > 1 && widthOf(`${letters.join('')}…`, size) > width) letters.pop();
	return `${letters.join('').trimEnd()}…`;
}

/** Lines of at most `width` pixels, broken between words; a word that is wider stands alone. */
export function linesOf(content: string, width: number, size = 12): string[] {
	const lines: string[] = [];
	for (const word of content.split(' ')) {
		const longer = lines.length === 0 ? undefined : `${lines.at(-1)} ${word}`;
		if (longer !== undefined && widthOf(longer, size) <= width) lines[lines.length - 1] = longer;
		else lines.push(word);
	}
	return lines;
}

import type { SilentAnswers } from '../analysis/score-rows.ts';
import type { Ink } from './palette.ts';
import { LINE, text, type Pen } from './svg.ts';
import { linesOf } from './type.ts';

/** Columns of a table for them, and their cells; NaN where they are not known. */
export const silentColumns = ['missing', 'failed', 'unread', 'drawn'];

export const silentCells = (counts: SilentAnswers | undefined): number[] =>
	counts ? [counts.missing, counts.failed, counts.unread, counts.drawn] : silentColumns.map(() => NaN);

/** E.g. ", 2 missing, 1 unread"; empty when all were given and read. */
export function silentWords(counts: SilentAnswers | undefined): string {
	const cells = silentCells(counts);
	return silentColumns.map((name, i) => (cells[i]! > 0 ? `, ${cells[i]} ${name}` : '')).join('');
}

const SMALL = 11;

/** Warnings below a drawing, in as many lines as they need. */
export function warningLines(
	pen: Pen,
	ink: Ink,
	warnings: readonly string[],
	top: number,
	width: number
): { readonly elements: SVGElement[]; readonly height: number } {
	const lines = warnings.flatMap((warning) => linesOf(`Look twice: ${warning}`, width, SMALL));
	return {
		elements: lines.map((line, i) =>
			text(pen, 0, top + (i + 1) * LINE, line, { 'font-size': SMALL, fill: ink.ink })
		),
		height: lines.length * LINE
	};
}

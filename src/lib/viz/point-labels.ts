import { placeLabels, type Box } from './labels.ts';
import type { Ink } from './palette.ts';
import { text, type Pen } from './svg.ts';
import { linesOf, widthOf } from './type.ts';

/** A point of a chart, pixels. */
interface Spot {
	readonly x: number;
	readonly y: number;
}

export interface LabelledPoint extends Spot {
	/** Upper and lower end of its interval. */
	readonly bar?: readonly [number, number];
	/** Empty for none. */
	readonly words: string;
}

/** What stands beside the points, clear of points, their intervals and the lines through them where there is room. */
export function pointLabels(
	pen: Pen,
	ink: Ink,
	points: readonly LabelledPoint[],
	lines: readonly (readonly Spot[])[],
	bounds: Box
): SVGElement[] {
	const labelled = points
		.filter(({ words }) => words !== '')
		.map(({ x, y, words }) => ({ x, y, words, width: widthOf(words, 11) }));
	const marks = points.flatMap(({ x, y, bar }): Box[] => [
		{ x: x - 4, y: y - 4, width: 8, height: 8 },
		...(bar ? [{ x: x - 1, y: bar[0], width: 2, height: bar[1] - bar[0] }] : [])
	]);
	return placeLabels(labelled, [...marks, ...lines.flatMap(dotted)], bounds).map((box, i) =>
		text(pen, box.x, box.y + box.height - 1, labelled[i]!.words, { 'font-size': 11, fill: ink.soft })
	);
}

/** A line as a row of small marks. */
function dotted(line: readonly Spot[]): Box[] {
	return line.slice(1).flatMap((to, i) => {
		const from = line[i]!;
		const steps = Math.floor(Math.hypot(to.x - from.x, to.y - from.y) / 4);
		return Array.from({ length: steps }, (_, step) => ({
			x: from.x + ((to.x - from.x) * (step + 0.5)) / steps - 1,
			y: from.y + ((to.y - from.y) * (step + 0.5)) / steps - 1,
			...{ width: 2, height: 2 }
		}));
	});
}

/** Over how many answers the points are; `all`: that is known of every point. */
export function countLines(counts: readonly number[], all: boolean, width: number): string[] {
	if (counts.length === 0) return [];
	return linesOf(
		counts.length === 1
			? `n = ${counts[0]} answers ${all ? 'at every point' : 'where it is known'}`
			: `n: answers that a point is over, ${Math.min(...counts)} to ${Math.max(...counts)}`,
		width
	);
}

import type { ScaleLinear } from 'd3';
import { number } from './format.ts';
import type { Ink } from './palette.ts';
import { round, text, type Pen } from './svg.ts';
import { widthOf } from './type.ts';

const SIZE = 11;
/** Pixels between two labels at least: less reads as one number. */
const APART = 8;

interface Range {
	/** Upper and lower end of the lines, pixels. */
	readonly top: number;
	readonly bottom: number;
	/** Lines at most; fewer where their labels would stand too close. */
	readonly most: number;
	/** Whether the line at 0 parts two sides. */
	readonly sides?: boolean;
	/** Whether the label of 0 ends at its line, since something else begins there. */
	readonly zeroBefore?: boolean;
}

/** Upright lines at round values of a horizontal scale, each with its value below. */
export function rules(
	pen: Pen,
	ink: Ink,
	x: ScaleLinear<number, number>,
	{ top, bottom, most, sides = false, zeroBefore = false }: Range
): SVGElement[] {
	return ticksWithRoom(x, most).flatMap((tick) => [
		pen('path', {
			d: `M${round(x(tick))} ${round(top)}V${round(bottom)}`,
			stroke: sides && tick === 0 ? ink.soft : ink.line
		}),
		text(pen, x(tick), bottom + 13, number(tick), {
			...{ 'font-size': SIZE, fill: ink.soft, 'text-anchor': zeroBefore && tick === 0 ? 'end' : 'middle' }
		})
	]);
}

/** Round values of the scale, `most` or fewer of them, so that no two labels stand closer than `APART`. */
export function ticksWithRoom(x: ScaleLinear<number, number>, most: number): number[] {
	for (let count = most; count > 1; count--) {
		const ticks = x.ticks(count);
		const near = ticks.some((tick, i) => {
			const next = ticks[i + 1];
			if (next === undefined) return false;
			const half = (widthOf(number(tick), SIZE) + widthOf(number(next), SIZE)) / 2;
			return Math.abs(x(next) - x(tick)) < half + APART;
		});
		if (!near) return ticks;
	}
	return x.ticks(1);
}

import type { FigureOptions } from './figure.ts';
import { link } from './interaction.ts';
import type { Ink } from './palette.ts';
import { round, type Pen } from './svg.ts';

export interface StepRule {
	readonly element: SVGElement;
	/**
	 * Answers to pointer and arrow keys in the drawn figure.
	 * @param x of each step, pixels, in the order that a selection's `step` counts
	 * @param write told the step that is shown; undefined: none
	 */
	follow(
		svg: SVGSVGElement,
		options: FigureOptions,
		x: readonly number[],
		write: (step: number | undefined) => void
	): void;
}

/** An upright line at the step of a chart that is pointed at or chosen. */
export function stepRule(pen: Pen, ink: Ink, top: number, bottom: number): StepRule {
	const element = pen('line', { y1: top, y2: bottom, stroke: ink.soft, visibility: 'hidden' });
	return {
		element,
		follow(svg, options, x, write) {
			link(svg, options, {
				at(pointer) {
					let nearest = -1;
					x.forEach((place, i) => {
						if (nearest < 0 || Math.abs(place - pointer) < Math.abs(x[nearest]! - pointer)) nearest = i;
					});
					return nearest < 0 ? undefined : { step: nearest };
				},
				show({ step }) {
					const at = step === undefined ? undefined : x[step];
					element.setAttribute('visibility', at === undefined ? 'hidden' : 'visible');
					for (const end of ['x1', 'x2']) element.setAttribute(end, `${round(at ?? 0)}`);
					write(at === undefined ? undefined : step);
				},
				move(key, { step = -1, ...rest }) {
					const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
					if (by === undefined) return undefined;
					return { ...rest, step: Math.min(x.length - 1, Math.max(0, step + by)) };
				}
			});
		}
	};
}

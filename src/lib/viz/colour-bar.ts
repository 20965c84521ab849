import { number } from './format.ts';
import { colourOf, type ColourScale, type Ink } from './palette.ts';
import { text, type Pen } from './svg.ts';

export const COLOUR_BAR_HEIGHT = 40;
const STEPS = 48;

/** A colour bar with its ends (and 0 of a diverging one), what it shows and the unit. Takes `COLOUR_BAR_HEIGHT`. */
export function colourBar(
	pen: Pen,
	ink: Ink,
	scale: ColourScale,
	x: number,
	y: number,
	width = 160
): SVGGElement {
	const [low, high] = scale.domain;
	const step = width / STEPS;
	const bars = Array.from({ length: STEPS }, (_, i) =>
		pen('rect', {
			x: x + i * step,
			y: y + 14,
			// A hair wider, so that no seams show.
			width: i < STEPS - 1 ? step + 0.5 : step,
			height: 8,
			fill: colourOf(scale, low + ((i + 0.5) / STEPS) * (high - low))
		})
	);
	const small = { 'font-size': 11, fill: ink.soft };
	const caption = scale.unit === '' ? scale.label : `${scale.label} (${scale.unit})`;
	return pen('g', { class: 'colour-bar' }, [
		text(pen, x, y + 9, caption, small),
		...bars,
		text(pen, x, y + 34, number(low), small),
		...(scale.kind === 'diverging'
			? [text(pen, x + width / 2, y + 34, '0', { ...small, 'text-anchor': 'middle' })]
			: []),
		text(pen, x + width, y + 34, number(high), { ...small, 'text-anchor': 'end' })
	]);
}

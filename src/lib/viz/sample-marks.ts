import type { Place } from '../analysis/grid.ts';
import type { FigureOptions } from './figure.ts';
import { panel, shapeIn, type FigureImage, type Panel } from './image-panel.ts';
import { link, type Linked } from './interaction.ts';
import type { Readout } from './readout.ts';

/** Patches shown beyond each edge at least; samples farther out are drawn at the border of the paper. */
const MARGIN = 1.5;

/** More marks than this need to be smaller to be told apart. */
const DENSE = 160;

/** Pixels from a mark within which it is pointed at. */
const REACH = 14;

/** The paper of a figure of sampling points over an image of `side` × `side` patches. */
export interface SamplePaper {
	/** Of the paper, pixels. */
	readonly width: number;
	readonly height: number;
	readonly place: Panel;
	readonly dense: boolean;
	/** Where a sample is drawn, pixels; never beyond the paper. @param at patches */
	spot(at: Place): Place;
}

/** @param reach patches beyond the edges that marks need; half the image at most */
export function samplePaper(
	options: FigureOptions,
	side: number,
	samples: number,
	image: FigureImage | undefined,
	reach = MARGIN
): SamplePaper {
	const margin = Math.min(side / 2, Math.max(MARGIN, reach));
	const whole = side + 2 * margin;
	const paper = shapeIn(Math.min(options.width, options.height ?? 600), image);
	const [left, top] = [(margin * paper.width) / whole, (margin * paper.height) / whole];
	const place = panel(left, top, (side * Math.max(paper.width, paper.height)) / whole, side, image);
	const clamp = (value: number) => Math.min(side + margin - 0.2, Math.max(0.2 - margin, value));
	return {
		...paper,
		place,
		dense: samples > DENSE,
		spot: ({ x, y }) => place.at({ x: clamp(x), y: clamp(y) })
	};
}

/** What a mark stands for. */
interface SampleIndex {
	readonly layer: number;
	readonly head: number;
	readonly point: number;
	readonly token: number;
}

/** Marks, the places they are drawn at, and the samples they stand for; equal indices belong together. */
export interface SampleMarks<Sample extends SampleIndex> {
	readonly samples: readonly Sample[];
	readonly spots: readonly Place[];
	readonly marks: readonly SVGElement[];
	/** Opacity of the marks that are not chosen. */
	readonly dimmed: number;
	readonly note: Readout;
	readonly say: (sample: Sample) => string;
	/** What lies beside the marks, e.g. a head in the legend. */
	readonly beside?: Linked['at'];
	readonly move?: Linked['move'];
}

/** Linked hover and selection by token, head and point: the nearest mark is pointed at, all others fade. */
export function linkSamples<Sample extends SampleIndex>(
	svg: SVGSVGElement,
	options: FigureOptions,
	{ samples, spots, marks, dimmed, note, say, beside, move }: SampleMarks<Sample>
): void {
	link(svg, options, {
		at(x, y) {
			let nearest = -1;
			let distance = REACH;
			spots.forEach((spot, i) => {
				const away = Math.hypot(spot.x - x, spot.y - y);
				if (away < distance) [nearest, distance] = [i, away];
			});
			if (nearest < 0) return beside?.(x, y);
			const { layer, head, point, token } = samples[nearest]!;
			return { layer, head, point, token };
		},
		show(selection) {
			const keys = (['token', 'head', 'point'] as const).filter((key) => selection[key] !== undefined);
			const hits = samples.map((sample) => keys.every((key) => sample[key] === selection[key]));
			const some = keys.length > 0 && hits.some(Boolean);
			marks.forEach((mark, i) => {
				if (some && !hits[i]) mark.setAttribute('opacity', `${dimmed}`);
				else mark.removeAttribute('opacity');
			});
			const hit = some ? samples[hits.indexOf(true)] : undefined;
			const { head, point } = selection;
			note.write(
				hit === undefined
					? ''
					: head !== undefined && point === undefined
						? `Head ${head}: ${hits.filter(Boolean).length} samples.`
						: say(hit)
			);
		},
		...(move && { move })
	});
}

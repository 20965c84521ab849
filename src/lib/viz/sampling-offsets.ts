import type { Sample } from '../analysis/offsets.ts';
import { neighbourToken, sideOf } from '../analysis/grid.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { drawImage, type FigureImage } from './image-panel.ts';
import { headColour, inkOf } from './palette.ts';
import { readout } from './readout.ts';
import { linkSamples, samplePaper } from './sample-marks.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface SamplingRows {
	/** Samples to show: of one layer and one or some tokens, heads and points. */
	readonly samples: readonly Sample[];
	/** M, also of tokens that are not shown. */
	readonly tokens: number;
	/** g. */
	readonly side: number;
	readonly image?: FigureImage;
}

export const samplingOffsets: Figure<SamplingRows> = {
	id: 'sampling-offsets',
	title: 'Where the D-Abstractor samples',
	readingAid:
		'An arrow leads from a token’s reference point to each place it samples, one colour for each head; the fuller the dot, the larger its weight, and hollow dots lie outside the image where there is nothing to sample.',
	method:
		'Sampling location = reference point + offset / g, per layer, head and point, as the model computed them for this image; a head’s weights over its points sum to 1.',
	ofPlaces: true,
	draw({ samples, tokens, side, image }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const { height, place, dense, spot } = samplePaper(options, side, samples.length, image);
		const spots = samples.map(spot);
		const marks = samples.map((sample, i) => {
			const { layer, head, point, token, weight, outside } = sample;
			const [from, to] = [place.at({ x: sample.referenceX, y: sample.referenceY }), spots[i]!];
			const colour = headColour(head);
			const opacity = round(0.2 + 0.8 * Math.min(1, weight));
			return pen(
				'g',
				{ 'data-layer': layer, 'data-head': head, 'data-point': point, 'data-token': token, class: 'sample' },
				[
					pen('path', {
						d: `M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}`,
						stroke: colour,
						'stroke-opacity': opacity,
						'stroke-width': dense ? 0.5 : 1.25
					}),
					pen('circle', {
						cx: to.x,
						cy: to.y,
						r: dense ? 2 : 4,
						fill: outside ? 'none' : colour,
						'fill-opacity': opacity,
						stroke: outside ? colour : '#ffffff',
						'stroke-width': dense ? (outside ? 0.75 : 0.4) : outside ? 1.5 : 0.75
					})
				]
			);
		});
		const references = new Map(
			samples.map(({ token, referenceX, referenceY }) => [token, { referenceX, referenceY }])
		);
		const crosses = Array.from(references.values(), ({ referenceX, referenceY }) => {
			const { x, y } = place.at({ x: referenceX, y: referenceY });
			return `M${round(x - 4)} ${round(y)}h8M${round(x)} ${round(y - 4)}v8`;
		}).join('');
		const heads = [...new Set(samples.map(({ head }) => head))].sort((a, b) => a - b);
		const foot = height + 8;
		const perLine = Math.max(1, Math.floor(options.width / 56));
		const lines = Math.ceil(heads.length / perLine);
		const note = readout(pen, ink, 0, foot + (lines + 1) * LINE - 4);
		const svg = root(pen, options, foot + (lines + 1) * LINE, samplingOffsets.title, [
			drawImage(pen, ink, place, image, options),
			pen('g', { class: 'samples' }, marks),
			pen('path', { d: crosses, stroke: '#000000', 'stroke-width': 3.5, 'stroke-opacity': 0.6 }),
			pen('path', { d: crosses, stroke: '#ffffff', 'stroke-width': 1.5 }),
			...heads.flatMap((head, i) => [
				pen('circle', {
					cx: 5 + 56 * (i % perLine),
					cy: foot + 8 + LINE * Math.floor(i / perLine),
					r: 4,
					fill: headColour(head)
				}),
				text(pen, 13 + 56 * (i % perLine), foot + 12 + LINE * Math.floor(i / perLine), `head ${head}`, {
					'font-size': 11,
					fill: ink.soft
				})
			]),
			note.element
		]);
		linkSamples(svg, options, {
			samples,
			spots,
			marks,
			dimmed: 0.15,
			note,
			beside(x, y) {
				const line = Math.floor((y - foot + 1) / LINE);
				const column = Math.floor(x / 56);
				const head = line >= 0 && column < perLine ? heads[line * perLine + column] : undefined;
				return head === undefined ? undefined : { head };
			},
			say: (hit) =>
				`Token ${hit.token}, layer ${hit.layer}, head ${hit.head}, point ${hit.point}: offset (${number(hit.offsetX)}, ${number(hit.offsetY)}) patches, weight ${number(hit.weight)}${hit.outside ? ', outside the image' : ''}.`,
			move(key, { token, ...rest }) {
				if (token === undefined) return key.startsWith('Arrow') ? { ...rest, token: 0 } : undefined;
				const next = neighbourToken(token, sideOf(tokens) ?? tokens, tokens, key);
				return next === undefined ? undefined : { ...rest, token: next };
			}
		});
		return svg;
	},
	table: ({ samples }) => ({
		columns: [
			'layer',
			'token',
			'head',
			'point',
			'x (patches)',
			'y (patches)',
			'offset x',
			'offset y',
			'weight',
			'outside'
		],
		rows: samples.map((s) => [
			...[s.layer, s.token, s.head, s.point, exact(s.x), exact(s.y), exact(s.offsetX), exact(s.offsetY)],
			exact(s.weight),
			s.outside ? 'yes' : 'no'
		])
	})
};

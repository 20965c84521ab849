import { contentShare, type OffsetSplit } from '../analysis/offsets.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { drawImage, ring, type FigureImage } from './image-panel.ts';
import { headColour, inkOf } from './palette.ts';
import { readout } from './readout.ts';
import { linkSamples, samplePaper } from './sample-marks.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface SplitRows {
	/** Sampling points of one layer over a set of images. */
	readonly rows: readonly OffsetSplit[];
	/** Number of images. */
	readonly images: number;
	/** g. */
	readonly side: number;
	readonly image?: FigureImage;
}

export const offsetSplit: Figure<SplitRows> = {
	id: 'offset-split',
	title: 'What is habit and what the image moves',
	readingAid:
		'A line leads from the reference point to the mean place over the images, the habit; the circle’s radius is how far an image moves the point from there.',
	method:
		'Over a set of images, every sampling location is split into its mean (the same for every image) and its root-mean-square deviation from that mean (driven by the content). The share driven by content is the sum of the squared deviations over the sum of all squared offsets. Opacity is the mean attention weight.',
	ofPlaces: true,
	draw({ rows, images, side, image }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const { width, height, place, dense, spot } = samplePaper(
			options,
			side,
			rows.length,
			image,
			// Circles lie on the paper whole.
			Math.max(
				0,
				...rows.map(
					({ meanX, meanY, deviation }) =>
						deviation + 0.2 + Math.max(0, -meanX, -meanY, meanX - side, meanY - side)
				)
			)
		);
		const spots = rows.map(({ meanX, meanY }) => spot({ x: meanX, y: meanY }));
		const marks = rows.map(({ head, token, meanX, meanY, offsetX, offsetY, deviation, weight }, i) => {
			const from = place.at({ x: meanX - offsetX, y: meanY - offsetY });
			const to = spots[i]!;
			const colour = headColour(head);
			const opacity = round(0.25 + 0.75 * Math.min(1, weight));
			return pen('g', { 'data-head': head, 'data-token': token, class: 'sample' }, [
				pen('path', {
					d: `M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}`,
					stroke: colour,
					'stroke-opacity': opacity,
					'stroke-width': dense ? 0.5 : 1.25
				}),
				ring(pen, place, to, deviation, {
					fill: dense ? 'none' : colour,
					'fill-opacity': dense ? undefined : 0.3 * opacity,
					stroke: colour,
					'stroke-opacity': opacity,
					'stroke-width': dense ? 0.5 : 1
				})
			]);
		});
		const share = contentShare(rows);
		const moved = Math.sqrt(
			rows.reduce((sum, { deviation }) => sum + deviation ** 2, 0) / Math.max(1, rows.length)
		);
		const foot = height + 8;
		const note = readout(pen, ink, 0, foot + 3 * LINE - 4);
		const svg = root(pen, options, foot + 3 * LINE, offsetSplit.title, [
			drawImage(pen, ink, place, image, options),
			// Circles end at the paper's edge.
			pen('svg', { x: 0, y: 0, width, height }, [pen('g', { class: 'samples' }, marks)]),
			text(pen, 0, foot + LINE - 4, `Driven by content: ${percent(share)} of the squared offsets`),
			text(
				pen,
				0,
				foot + 2 * LINE - 4,
				`${images} images move a point by ${number(moved)}\u00A0patches (rms)`,
				{ fill: ink.soft }
			),
			note.element
		]);
		linkSamples(svg, options, {
			samples: rows,
			spots,
			marks,
			dimmed: 0.12,
			note,
			say: ({ token, head, offsetX, offsetY, deviation }) =>
				`Token ${token}, head ${head}: habit (${number(offsetX)}, ${number(offsetY)}), moved by ${number(deviation)}.`
		});
		return svg;
	},
	table: ({ rows }) => ({
		columns: [
			...['layer', 'token', 'head', 'point', 'mean x (patches)', 'mean y (patches)'],
			...['mean offset x', 'mean offset y', 'deviation (patches)', 'mean weight']
		],
		rows: rows.map((row) => [
			...[row.layer, row.token, row.head, row.point],
			...[row.meanX, row.meanY, row.offsetX, row.offsetY, row.deviation, row.weight].map(exact)
		])
	})
};

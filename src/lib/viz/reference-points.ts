import type { Place } from '../analysis/grid.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { drawImage, panel, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { inkOf, okabeIto } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface ReferenceRows {
	/** Learned reference points [M] and those before training, patches. */
	readonly learned: readonly Place[];
	readonly initial: readonly Place[];
	/** g. */
	readonly side: number;
	readonly image?: FigureImage;
}

const distance = (a: Place, b: Place) => Math.hypot(a.x - b.x, a.y - b.y);

export const referencePoints: Figure<ReferenceRows> = {
	id: 'reference-points',
	title: 'What training did to the reference points',
	readingAid:
		'Lines lead from the regular grid before training to the learned reference points (dots); short lines mean the grid was kept.',
	method:
		'Reference points are parameters of the D-Abstractor, the same for every image and layer. Before training they lie evenly from the first patch’s centre to the last one’s.',
	ofPlaces: true,
	draw({ learned, initial, side, image }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const size = Math.min(options.width, options.height ?? 560);
		const place = panel(0, 0, size, side, image);
		const moves = learned.map((point, i) => distance(point, initial[i]!));
		const rms = Math.sqrt(moves.reduce((sum, move) => sum + move * move, 0) / Math.max(1, moves.length));
		const marks = learned.map((point, token) => {
			const [from, to] = [place.at(initial[token]!), place.at(point)];
			return pen('g', { 'data-token': token }, [
				pen('circle', { cx: from.x, cy: from.y, r: 2, fill: 'none', stroke: ink.soft }),
				pen('path', {
					d: `M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}`,
					stroke: okabeIto.blue,
					'stroke-width': 1.5
				}),
				pen('circle', {
					cx: to.x,
					cy: to.y,
					r: 3.5,
					fill: okabeIto.blue,
					stroke: '#ffffff',
					'stroke-width': 0.75
				})
			]);
		});
		const foot = place.box.height;
		const note = readout(pen, ink, 0, foot + 2 * LINE);
		const svg = root(pen, options, foot + 2 * LINE + 6, referencePoints.title, [
			drawImage(pen, ink, place, image, options),
			...marks,
			text(pen, 0, foot + LINE, `Root-mean-square displacement ${number(rms)}\u00A0patches`),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const spots = learned.map((point) => distance(place.at(point), { x, y }));
				const token = spots.indexOf(Math.min(...spots));
				return token >= 0 && spots[token]! < 14 ? { token } : undefined;
			},
			show({ token }) {
				const known = token === undefined ? undefined : learned[token];
				marks.forEach((mark, i) => {
					if (known && i !== token) mark.setAttribute('opacity', '0.3');
					else mark.removeAttribute('opacity');
				});
				note.write(
					known && token !== undefined
						? `Token ${token}: (${number(known.x)}, ${number(known.y)}) patches, moved by ${number(moves[token]!)}.`
						: ''
				);
			},
			move(key, { token = -1, ...rest }) {
				const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, token: Math.min(learned.length - 1, Math.max(0, token + step)) };
			}
		});
		return svg;
	},
	table: ({ learned, initial }) => ({
		columns: ['visual token', 'x (patches)', 'y (patches)', 'x before', 'y before', 'displacement (patches)'],
		rows: learned.map((point, token) => {
			const before = initial[token]!;
			return [token, ...[point.x, point.y, before.x, before.y, distance(point, before)].map(exact)];
		})
	})
};

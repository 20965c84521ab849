import { lab, scaleLinear } from 'd3';
import type { GridShape } from '../analysis/grid.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { drawImage, outline, panel, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { colourOf, headColour, inkOf, largest, sequentialScale } from './palette.ts';
import { pointLabels } from './point-labels.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface EmbeddedToken {
	/** Of `columns` and `pictures`. */
	readonly column: number;
	readonly image: number;
	readonly token: number;
	/** Along the two components. */
	readonly x: number;
	readonly y: number;
	/** Length of the token. */
	readonly norm: number;
	/** Centre of its place as fractions of width and height, and the tokens' grid; absent where tokens have no place. */
	readonly place?: readonly [x: number, y: number];
	readonly grid?: GridShape;
	/** Nearest words by the cosine of their input embeddings, and that of the first; of the first picture alone. */
	readonly words?: readonly string[];
	readonly cosine?: number;
}

interface Axis {
	/** From 1. */
	readonly component: number;
	/** Share of the whole variance. */
	readonly explained: number;
}

export interface EmbeddingRows {
	readonly points: readonly EmbeddedToken[];
	readonly axes: readonly [Axis, Axis];
	readonly columns: readonly { readonly name: string; readonly colour: string }[];
	readonly pictures: readonly FigureImage[];
	/** Nearest words at their embeddings, the most frequent first. */
	readonly words: readonly {
		readonly word: string;
		readonly x: number;
		readonly y: number;
		/** Visual tokens that it is nearest to. */
		readonly count: number;
	}[];
	readonly colour: 'projector' | 'place' | 'picture' | 'norm';
}

const LEFT = 8;
/** Words that are named; half as many where there is little room. */
const NAMED = 12;

/** A colour for each place: left to right from blue to orange, top to bottom from dark to light. */
function placeColour([x, y]: readonly [number, number]): string {
	return lab(38 + 40 * y, 20 * (2 * x - 1) + 6, 60 * (2 * x - 1)).formatHex();
}

/** Ends of an axis with some room. */
function extent(values: readonly number[]): [number, number] {
	const low = Math.min(...values);
	const high = Math.max(...values);
	const room = (high - low || 1) * 0.05;
	return [low - room, high + room];
}

export const tokenEmbedding: Figure<EmbeddingRows> = {
	id: 'token-embedding',
	title: 'Visual tokens as the language model gets them',
	readingAid:
		'Each point is one visual token of one picture through one projector; crosses are the words nearest to tokens of the picture below.',
	method:
		'The visual tokens of all pictures and projectors, as they enter the language model, along two principal components of all of them together (exact, of the centred tokens; in brackets the share of the whole variance). Words are those of the vocabulary whose input embeddings have the largest cosine with a token of the picture that is looked at; they are put among the components and have no part in finding them. Words lie far from where they seem to where they differ along other components.',
	draw(rows, options) {
		const { points, axes, columns, pictures, words, colour } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const { width } = options;
		const height = Math.min(options.height ?? 420, Math.max(220, 0.7 * width));
		const top = LINE + 4;
		const bottom = top + height;
		const x = scaleLinear(extent([...points, ...words].map((one) => one.x)), [LEFT, width - 8]);
		const y = scaleLinear(extent([...points, ...words].map((one) => one.y)), [bottom, top]);
		const norms = sequentialScale(largest(points.map(({ norm }) => norm)), {
			label: 'Length of the visual token',
			unit: ''
		});
		const fillOf = (point: EmbeddedToken) =>
			({
				projector: () => columns[point.column]!.colour,
				place: () => (point.place ? placeColour(point.place) : ink.soft),
				picture: () => headColour(point.image),
				norm: () => colourOf(norms, point.norm)
			})[colour]();
		const soft = { 'font-size': 11, fill: ink.soft };
		const axisWords = ({ component, explained }: Axis) => `component ${component} (${percent(explained)})`;
		/** What tells the columns apart when their colours do not. */
		const mark = (point: EmbeddedToken) => {
			const [cx, cy] = [x(point.x), y(point.y)];
			const fill = fillOf(point);
			const shared = { fill, 'fill-opacity': 0.8 };
			const r = points.length > 300 ? 2.1 : 2.75;
			if (colour === 'projector' || point.column % 3 === 0) return pen('circle', { cx, cy, r, ...shared });
			return point.column % 3 === 1
				? pen('rect', { x: cx - r, y: cy - r, width: 2 * r, height: 2 * r, ...shared })
				: pen('path', {
						d: `M${round(cx)} ${round(cy - 3.5)}l3.25 6h-6.5Z`,
						...shared
					});
		};
		const named = words.slice(0, width < 420 ? NAMED / 2 : NAMED);
		const crosses = named.map(({ x: wx, y: wy }) =>
			pen('path', {
				d: `M${round(x(wx) - 4)} ${round(y(wy))}h8M${round(x(wx))} ${round(y(wy) - 4)}v8`,
				...{ stroke: ink.ink, 'stroke-width': 1.25 }
			})
		);
		const labels = pointLabels(
			pen,
			ink,
			named.map(({ word, x: wx, y: wy }) => ({ x: x(wx), y: y(wy), words: word })),
			[],
			{ x: 0, y: top, width, height }
		);
		let foot = bottom + 16;
		const legend: SVGElement[] = [
			text(pen, width - 8, bottom + 13, `${axisWords(axes[0])} →`, { ...soft, 'text-anchor': 'end' }),
			text(pen, LEFT, 12, `${axisWords(axes[1])} ↑`, soft)
		];
		const keys =
			colour === 'projector' || colour === 'place' || colour === 'norm'
				? columns.map(({ name, colour: own }, column) => ({
						name,
						point: { column, image: 0, token: 0, x: 0, y: 0, norm: 0 },
						fill: colour === 'projector' ? own : ink.soft
					}))
				: pictures.map(({ name }, i) => ({ name, point: undefined, fill: headColour(i) }));
		for (const [i, { name, fill, point }] of keys.entries()) {
			const row = foot + (i + 1) * LINE - 4;
			const shape = point && colour !== 'projector' ? point.column % 3 : 0;
			legend.push(
				shape === 1
					? pen('rect', { x: LEFT - 3, y: row - 7, width: 6, height: 6, fill })
					: shape === 2
						? pen('path', { d: `M${LEFT} ${row - 8}l3.5 7h-7Z`, fill })
						: pen('circle', { cx: LEFT, cy: row - 4, r: 3.25, fill }),
				text(pen, LEFT + 9, row, name)
			);
		}
		foot += keys.length * LINE;
		if (colour === 'norm') {
			legend.push(colourBar(pen, ink, norms, 0, foot + 4, Math.min(220, width)));
			foot += COLOUR_BAR_HEIGHT + 4;
		}
		// The picture, to see where a token lies on it; in the colours of the places where they are shown.
		const shown = pictures[0];
		const place = panel(0, foot + LINE + 8, Math.min(220, width), 1, shown);
		const picture = pen('g', {}, [drawImage(pen, ink, place, shown, options)]);
		const grid = points.find((point) => point.grid !== undefined)?.grid;
		const places =
			colour === 'place' && grid
				? Array.from({ length: grid.rows * grid.columns }, (_, i) => {
						const [column, row] = [i % grid.columns, Math.floor(i / grid.columns)];
						const from = place.at({ x: column / grid.columns, y: row / grid.rows });
						return pen('rect', {
							...{ x: from.x, y: from.y },
							...{ width: place.box.width / grid.columns, height: place.box.height / grid.rows },
							fill: placeColour([(column + 0.5) / grid.columns, (row + 0.5) / grid.rows]),
							'fill-opacity': 0.6
						});
					})
				: [];
		const title = text(pen, 0, foot + LINE, shown?.name ?? '', soft);
		const home = pen('g', { class: 'home' });
		foot = place.box.y + place.box.height + 8;
		const ring = pen('circle', {
			...{ r: 6, fill: 'none', stroke: ink.ink, 'stroke-width': 1.5 },
			...{ class: 'frame', visibility: 'hidden' }
		});
		const notes = [0, 1].map((i) => readout(pen, ink, 0, foot + (i + 1) * LINE - 4));
		const svg = root(pen, options, foot + 2 * LINE, tokenEmbedding.title, [
			pen('rect', { x: 0, y: top, width, height, fill: 'none', stroke: ink.line }),
			...points.map(mark),
			...crosses,
			...labels,
			...legend,
			picture,
			...places,
			title,
			home,
			ring,
			...notes.map(({ element }) => element)
		]);
		const at = (row: number | undefined) => (row === undefined ? undefined : points[row]);
		let drawn = 0;
		link(svg, options, {
			at(px, py) {
				let best = -1;
				let nearest = 14 ** 2;
				points.forEach((point, i) => {
					const distance = (x(point.x) - px) ** 2 + (y(point.y) - py) ** 2;
					if (distance < nearest) [best, nearest] = [i, distance];
				});
				if (best >= 0) {
					const { column, token, image } = points[best]!;
					// Other figures show the first picture alone.
					return { row: best, ...(image === 0 && { column, token }) };
				}
				return undefined;
			},
			show({ row, token, column = 0 }) {
				const point =
					at(row) ??
					(token === undefined
						? undefined
						: points.find((one) => one.image === 0 && one.column === column && one.token === token));
				ring.setAttribute('visibility', point ? 'visible' : 'hidden');
				if (point) {
					ring.setAttribute('cx', `${round(x(point.x))}`);
					ring.setAttribute('cy', `${round(y(point.y))}`);
				}
				const wanted = point?.image ?? 0;
				if (wanted !== drawn) {
					drawn = wanted;
					const other = pictures[wanted];
					const within = panel(0, place.box.y, Math.min(220, width), 1, other);
					picture.replaceChildren(drawImage(pen, ink, within, other, options));
					title.textContent = other?.name ?? '';
				}
				home.replaceChildren();
				if (point?.place && point.grid) {
					const own = panel(0, place.box.y, Math.min(220, width), point.grid, pictures[wanted]);
					const left = Math.floor(point.place[0] * point.grid.columns);
					const down = Math.floor(point.place[1] * point.grid.rows);
					home.append(outline(pen, own, { left, top: down, right: left + 1, bottom: down + 1 }));
				}
				notes[0]!.write(
					point
						? `${columns[point.column]!.name.split(':')[0]}, token ${point.token} of ${pictures[point.image]?.name ?? 'a picture'}: length ${number(point.norm)}.`
						: ''
				);
				notes[1]!.write(
					point?.words
						? `Nearest words: ${point.words.join(', ')} (cosine of the first ${number(point.cosine ?? NaN)}).`
						: ''
				);
			},
			move(key, { row = -1 }) {
				const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
				if (step === undefined || points.length === 0) return undefined;
				const next = Math.min(points.length - 1, Math.max(0, row + step));
				const { column, token, image } = points[next]!;
				return { row: next, ...(image === 0 && { column, token }) };
			}
		});
		return svg;
	},
	table: ({ points, axes, columns, pictures }) => ({
		columns: [
			...['column', 'picture', 'visual token'],
			...axes.map(
				({ component, explained }) => `component ${component} (${number(explained)} of the variance)`
			),
			...['length', 'nearest words', 'cosine of the first']
		],
		rows: points.map(({ column, image, token, x, y, norm, words = [], cosine = NaN }) => [
			...[columns[column]!.name, pictures[image]?.name ?? '', token],
			...[exact(x), exact(y), exact(norm), words.join(', '), exact(cosine)]
		])
	})
};

import { columnRow, gridOf, homesOn, neighbourToken, tokenColumns, type Box } from '../analysis/grid.ts';
import { tokenRow, type TokenPatchMap } from '../analysis/map.ts';
import { cellAt, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, quantity } from './format.ts';
import { link } from './interaction.ts';
import { inkOf, largest, sequentialScale, type ScaleMeaning } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round } from './svg.ts';

/** A map of one projector and what its values mean. */
export interface MapRows extends ScaleMeaning {
	readonly map: TokenPatchMap;
	/** Home cells [M] where tokens do not lie row-major on the image. */
	readonly homes?: readonly Box[];
}

export interface LocalityGridOptions {
	/** Whether each token's map ends at its own largest value, or all end at the largest of all. */
	readonly scale?: 'own' | 'common';
}

/** Small maps side by side, one empty cell between them. */
export function mosaic(map: TokenPatchMap, relative: boolean, columns = tokenColumns(map)) {
	const grid = gridOf(map.patches, map.grid);
	const rows = Math.ceil(map.tokens / columns);
	/** From one map to the next, to the right and down. */
	const pitch = { x: grid.columns + 1, y: grid.rows + 1 };
	const [width, height] = [columns * pitch.x - 1, rows * pitch.y - 1];
	const values = new Float32Array(width * height).fill(NaN);
	for (let token = 0; token < map.tokens; token++) {
		const values_ = tokenRow(map, token);
		const top = relative ? largest(values_) || 1 : 1;
		const at = columnRow(token, columns);
		for (let n = 0; n < map.patches; n++) {
			const { column, row } = columnRow(n, grid.columns);
			values[(at.row * pitch.y + row) * width + at.column * pitch.x + column] = values_[n]! / top;
		}
	}
	return { grid, columns, pitch, width, height, values };
}

export const localityGrid: Figure<MapRows, LocalityGridOptions> = {
	id: 'locality-grid',
	title: 'What every visual token sees',
	readingAid:
		'Each small square is the whole image as one token sees it; a projector that keeps places is bright inside the thin frame, the token’s home cell.',
	method:
		'One map for every visual token m: the value at patch n says how strongly the token depends on the patch, by the method named below. With scales of their own the maps show where each token looks; with a common scale also how much.',
	ofPlaces: true,
	draw(rows, options) {
		const { map, label, unit } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const own = (options.scale ?? 'own') === 'own';
		const { grid, columns, pitch, width, height, values } = mosaic(map, own);
		const scale = own
			? sequentialScale(1, { label: `${label}, relative to each token’s largest`, unit: '' })
			: sequentialScale(largest(map.data), { label, unit });
		const size = Math.min(options.width, options.height ?? Infinity);
		const cell = size / Math.max(width, height);
		const box: CellBox = {
			x: 0,
			y: 0,
			width: width * cell,
			height: height * cell,
			columns: width,
			rows: height
		};
		const foot = box.height + 8;

		const homes = (rows.homes ?? homesOn(map, map.tokens) ?? []).map((home, token) => {
			const at = columnRow(token, columns);
			const x = (at.column * pitch.x + home.left) * cell;
			const y = (at.row * pitch.y + home.top) * cell;
			const [w, h] = [(home.right - home.left) * cell, (home.bottom - home.top) * cell];
			return `M${round(x)} ${round(y)}h${round(w)}v${round(h)}h${round(-w)}z`;
		});
		const mark = frame(pen);
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, localityGrid.title, [
			drawCells(pen, options, box, values, scale),
			pen('path', {
				d: homes.join(''),
				fill: 'none',
				stroke: '#ffffff',
				'stroke-width': 0.75,
				'stroke-opacity': 0.8
			}),
			mark,
			colourBar(pen, ink, scale, 0, foot, Math.min(240, options.width)),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(box, x, y);
				if (!at) return undefined;
				const token = Math.floor(at.row / pitch.y) * columns + Math.floor(at.column / pitch.x);
				const [column, row] = [at.column % pitch.x, at.row % pitch.y];
				if (token >= map.tokens || column >= grid.columns || row >= grid.rows) return undefined;
				return { token, patch: row * grid.columns + column };
			},
			show({ token, patch }) {
				const known = token !== undefined && token < map.tokens;
				const at = columnRow(known ? token : 0, columns);
				placeFrame(
					mark,
					known
						? {
								x: at.column * pitch.x * cell,
								y: at.row * pitch.y * cell,
								width: grid.columns * cell,
								height: grid.rows * cell
							}
						: undefined
				);
				note.write(known ? describe(rows, token, patch) : '');
			},
			move: (key, { token, ...rest }) => {
				if (token === undefined) return key.startsWith('Arrow') ? { ...rest, token: 0 } : undefined;
				const next = neighbourToken(token, columns, map.tokens, key);
				return next === undefined ? undefined : { ...rest, token: next };
			}
		});
		return svg;
	},
	table: ({ map, label, unit }) => ({
		columns: [
			'visual token',
			...Array.from({ length: map.patches }, (_, n) => `${label}, patch ${n} (${unit})`)
		],
		rows: Array.from({ length: map.tokens }, (_, token) => [
			token,
			...Array.from(tokenRow(map, token), exact)
		])
	})
};

/** Numbers of one token and one patch in words. */
export function describe({ map, unit }: MapRows, token: number, patch: number | undefined): string {
	const row = tokenRow(map, token);
	const peak = row.reduce((best, value, n) => (value > row[best]! ? n : best), 0);
	if (patch === undefined || patch >= map.patches)
		return `Token ${token}: strongest ${quantity(row[peak]!, unit)} at patch ${peak}.`;
	return `Token ${token}, patch ${patch}: ${number(row[patch]!)}; strongest ${number(row[peak]!)} at ${peak}.`;
}

import { homesOn, neighbourToken } from '../analysis/grid.ts';
import { cellAcross } from '../analysis/correspondence.ts';
import type { TokenPatchMap } from '../analysis/map.ts';
import { cellAt, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure, Selection } from './figure.ts';
import { exact } from './format.ts';
import { link } from './interaction.ts';
import { describe, mosaic } from './locality-grid.ts';
import { inkOf, sequentialScale, type ScaleMeaning } from './palette.ts';
import { leastMap, sideBySide } from './panels.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

/** One column of a comparison. */
export interface ComparedColumn {
	/** "A: D-Abstractor, M = 36" */
	readonly name: string;
	readonly colour: string;
}

export interface CompareGridsRows extends ScaleMeaning {
	/** In the order of the columns; without a map: not there (yet), and why. */
	readonly columns: readonly (ComparedColumn & {
		readonly map?: TokenPatchMap;
		readonly note?: string;
		/** The tokens have no home. */
		readonly homeless?: boolean;
	})[];
}

export const compareGrids: Figure<CompareGridsRows> = {
	id: 'compare-grids',
	title: 'What every visual token sees, side by side',
	readingAid:
		'Each small square is the whole image as one visual token sees it; point at one, and the tokens at the same place in the other columns are framed.',
	method:
		'One map for every visual token of every column, by the method named below, each relative to its own largest value. Thin frames are home cells. Between columns of equal M a token is followed by its number; where M differs, by the cell of the token grid under its centre. A resampler’s tokens have no place of their own: theirs is the place of their number.',
	ofPlaces: true,
	draw({ columns, label, unit }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const layout = sideBySide(columns.length, options.width, leastMap(options));
		const height = LINE + layout.width + 12;
		const scale = sequentialScale(1, { label: `${label}, relative to each token’s largest`, unit: '' });
		const parts: SVGElement[] = [];
		const panels = columns.map(({ name, colour, map, note, homeless }, index) => {
			const { x, y } = layout.place(index, height);
			parts.push(...heading(pen, x, y, name, colour));
			if (map === undefined) {
				parts.push(text(pen, x, y + 3 * LINE, note ?? 'Not computed yet.', { fill: ink.soft }));
				return undefined;
			}
			const { grid, columns: across, pitch, width, height: down, values } = mosaic(map, true);
			const cell = layout.width / Math.max(width, down);
			const box: CellBox = {
				...{ x, y: y + LINE, width: width * cell, height: down * cell },
				...{ columns: width, rows: down }
			};
			const tile = (token: number) => ({
				x: box.x + (token % across) * pitch.x * cell,
				y: box.y + Math.floor(token / across) * pitch.y * cell
			});
			const cells = homeless ? [] : (homesOn(map, map.tokens) ?? []);
			const homes = cells.map((home, token) => {
				const at = tile(token);
				const [w, h] = [(home.right - home.left) * cell, (home.bottom - home.top) * cell];
				return `M${round(at.x + home.left * cell)} ${round(at.y + home.top * cell)}h${round(w)}v${round(h)}h${round(-w)}z`;
			});
			parts.push(
				drawCells(pen, options, box, values, scale),
				pen('path', {
					...{ d: homes.join(''), fill: 'none', stroke: '#ffffff' },
					...{ 'stroke-width': 0.75, 'stroke-opacity': 0.8, 'pointer-events': 'none' }
				})
			);
			const size = { width: grid.columns * cell, height: grid.rows * cell };
			return { map, box, grid, across, pitch, tile, size, mark: frame(pen) };
		});
		const foot = Math.ceil(columns.length / layout.across) * height;
		const notes = columns.map((_, index) =>
			readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + (index + 1) * LINE - 4)
		);
		const svg = root(
			pen,
			options,
			foot + COLOUR_BAR_HEIGHT + columns.length * LINE,
			`${compareGrids.title}: ${columns.map(({ name }) => name).join('; ')}`,
			[
				...parts,
				...panels.flatMap((panel) => (panel ? [panel.mark] : [])),
				colourBar(pen, ink, scale, 0, foot, Math.min(240, options.width)),
				...notes.map(({ element }) => element)
			]
		);
		const followed = ({ token, patch, column = 0 }: Selection, target: number) => {
			const [from, to] = [panels[column]?.map, panels[target]?.map];
			if (!from || !to || token === undefined) return undefined;
			const other = cellAcross(token, from.tokens, to.tokens);
			if (other === undefined) return undefined;
			return {
				token: other,
				patch: patch === undefined ? undefined : cellAcross(patch, from.patches, to.patches)
			};
		};
		link(svg, options, {
			at(x, y) {
				for (const [column, panel] of panels.entries()) {
					const at = panel && cellAt(panel.box, x, y);
					if (!at) continue;
					const { grid, pitch } = panel;
					const token = Math.floor(at.row / pitch.y) * panel.across + Math.floor(at.column / pitch.x);
					const [inX, inY] = [at.column % pitch.x, at.row % pitch.y];
					if (token >= panel.map.tokens || inX >= grid.columns || inY >= grid.rows) return undefined;
					return { column, token, patch: inY * grid.columns + inX };
				}
				return undefined;
			},
			show(selection) {
				panels.forEach((panel, index) => {
					const at = followed(selection, index);
					if (panel) {
						const tile = at && panel.tile(at.token);
						placeFrame(panel.mark, tile && { ...tile, ...panel.size });
					}
					notes[index]!.write(
						panel && at
							? `${columns[index]!.name.split(':')[0]}: ${describe({ map: panel.map, label, unit }, at.token, at.patch)}`
							: ''
					);
				});
			},
			move(key, { column = 0, token, ...rest }) {
				const panel = panels[column];
				if (!panel) return undefined;
				if (token === undefined) return key.startsWith('Arrow') ? { ...rest, column, token: 0 } : undefined;
				const next = neighbourToken(token, panel.across, panel.map.tokens, key);
				return next === undefined ? undefined : { ...rest, column, token: next };
			}
		});
		return svg;
	},
	table: ({ columns, label, unit }) => ({
		columns: ['column', 'visual token', 'patch', `${label} (${unit})`],
		rows: columns.flatMap(({ name, map }) =>
			Array.from(map?.data ?? [], (value, i) => [
				...[name, Math.floor(i / map!.patches), i % map!.patches],
				exact(value)
			])
		)
	})
};

/** A column's name with its colour before it. */
export function heading(
	pen: ReturnType<typeof penOf>,
	x: number,
	y: number,
	name: string,
	colour: string
): SVGElement[] {
	return [
		pen('circle', { cx: x + 4, cy: y + 8, r: 4, fill: colour }),
		text(pen, x + 13, y + 12, name, { 'font-weight': 600 })
	];
}

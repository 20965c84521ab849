import { cellAcross } from '../analysis/correspondence.ts';
import { gridOf, neighbourToken, tokenColumns } from '../analysis/grid.ts';
import type { TokenLocality } from '../analysis/locality.ts';
import { tokenRow, type TokenPatchMap } from '../analysis/map.ts';
import { cellAt, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import { heading, type ComparedColumn } from './compare-grids.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent, quantity } from './format.ts';
import {
	drawImage,
	drawPatches,
	outline,
	panel,
	patchRect,
	shapeIn,
	type FigureImage
} from './image-panel.ts';
import { link } from './interaction.ts';
import { inkOf, largest, sequentialScale, type ScaleMeaning } from './palette.ts';
import { leastMap, sideBySide } from './panels.ts';
import { readout } from './readout.ts';
import type { OverlayOptions } from './token-map.ts';
import { LINE, penOf, root, text } from './svg.ts';
import { linesOf } from './type.ts';

/** One token of a column. */
export interface ComparedToken extends ComparedColumn {
	readonly map: TokenPatchMap;
	readonly locality: TokenLocality;
	/** Place of the column in the comparison. */
	readonly column: number;
}

export interface CompareTokensRows extends ScaleMeaning {
	readonly tokens: readonly ComparedToken[];
	readonly image?: FigureImage;
}

export const compareTokens: Figure<CompareTokensRows, OverlayOptions> = {
	id: 'compare-tokens',
	title: 'One visual token of each column over the image',
	readingAid:
		'Bright patches move the token most; the frame is its home cell. A projector that keeps places is bright inside the frame, whatever its M.',
	method:
		'The tokens at the same place of each column, each map relative to its own largest value. Spread is the root-mean-square distance of the token’s shares from their mean place; the effective number of patches is 2 to the power of their entropy; drift is the distance of the mean place from the home cell’s centre. Where tokens have no order (a resampler), home cells are the best that a one-to-one assignment can give.',
	ofPlaces: true,
	draw({ tokens, image, label, unit }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const layout = sideBySide(tokens.length, options.width, leastMap(options));
		const size = Math.min(layout.width, options.height ?? 420);
		const told = tokens.map(({ locality: { token, home, spread, effectivePatches } }) =>
			[
				`Token ${token}: ${number(effectivePatches)} effective patches`,
				`spread ${number(spread)}${home ? `, drift ${number(home.drift)}` : ''} patches`,
				home ? `${percent(home.inside)} at home (chance: ${percent(home.insideByChance)})` : ''
			].flatMap((fact) => linesOf(fact, layout.width, 11))
		);
		const tall = shapeIn(size, image).height;
		const height = 2 * LINE + tall + 16 * Math.max(0, ...told.map(({ length }) => length)) + 16;
		const scale = sequentialScale(1, { label: `${label}, relative to the token’s largest`, unit: '' });
		const small = { 'font-size': 11, fill: ink.soft };
		const parts: SVGElement[] = [];
		const panels = tokens.map(({ name, colour, map, locality }, index) => {
			const { x, y } = layout.place(index, height);
			const place = panel(x, y + LINE, size, gridOf(map.patches, map.grid), image);
			const row = tokenRow(map, locality.token);
			const top = largest(row) || 1;
			const values = row.map((value) => value / top);
			const { home } = locality;
			parts.push(
				...heading(pen, x, y, name, colour),
				drawImage(pen, ink, place, image, options),
				drawPatches(pen, options, place, values, scale, image ? (options.opacity ?? 0.7) : 1),
				...(home ? [outline(pen, place, home.cell, { className: 'home' })] : []),
				...told[index]!.map((fact, i) => text(pen, x, y + 2 * LINE + tall - 2 + i * 16, fact, small))
			);
			return { place, row, mark: frame(pen) };
		});
		const foot = Math.ceil(tokens.length / layout.across) * height;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(
			pen,
			options,
			foot + COLOUR_BAR_HEIGHT + LINE,
			`${compareTokens.title}: ${tokens.map(({ name, locality }) => `${name}, token ${locality.token}`).join('; ')}`,
			[
				...parts,
				...panels.map(({ mark }) => mark),
				colourBar(pen, ink, scale, 0, foot, Math.min(240, options.width)),
				note.element
			]
		);
		link(svg, options, {
			at(x, y) {
				for (const [index, { place }] of panels.entries()) {
					const at = cellAt(place.box, x, y);
					if (!at) continue;
					const { column, locality } = tokens[index]!;
					return { column, token: locality.token, patch: at.row * place.box.columns + at.column };
				}
				return undefined;
			},
			show({ patch, column }) {
				const source = tokens.find((token) => token.column === column) ?? tokens[0];
				const words = panels.map(({ place, row, mark }, index) => {
					const at =
						patch === undefined || !source ? undefined : cellAcross(patch, source.map.patches, row.length);
					placeFrame(mark, at === undefined ? undefined : patchRect(place, at));
					return at === undefined ? '' : `${tokens[index]!.name.split(':')[0]} ${quantity(row[at]!, unit)}`;
				});
				note.write(words.some((word) => word !== '') ? `Patch ${patch}: ${words.join(', ')}.` : '');
			},
			move(key, from) {
				const source = tokens.find((token) => token.column === from.column) ?? tokens[0];
				if (!source) return undefined;
				const columns = tokenColumns(source.map);
				const next = neighbourToken(source.locality.token, columns, source.map.tokens, key);
				return next === undefined ? undefined : { ...from, column: source.column, token: next };
			}
		});
		return svg;
	},
	table: ({ tokens, label, unit }) => ({
		columns: ['column', 'visual token', 'patch', `${label} (${unit})`],
		rows: tokens.flatMap(({ name, map, locality }) =>
			Array.from(tokenRow(map, locality.token), (value, n) => [name, locality.token, n, exact(value)])
		)
	})
};

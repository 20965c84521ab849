import type { DirectionSpread } from '../analysis/direction-spread.ts';
import { format } from 'd3';
import { gridOf, homesOn, neighbourToken, tokenColumns } from '../analysis/grid.ts';
import { tokenLocalities, type LocalityMeasure, type Weighting } from '../analysis/locality.ts';
import { tokenPatchMap, tokenRow } from '../analysis/map.ts';
import { cellAt, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { drawImage, drawPatches, outline, panel, patchRect, ring, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { describe, type MapRows } from './locality-grid.ts';
import { inkOf, largest, sequentialScale } from './palette.ts';
import { matrixTable } from './paper-table.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';

export interface TokenMapRows extends MapRows {
	readonly token: number;
	readonly weighting: Weighting;
	readonly image?: FigureImage;
	/** What the choice of directions does to the numbers. */
	readonly spread?: DirectionSpread;
	/** Largest value of the scale, to compare tokens; the token's own by default. */
	readonly top?: number;
}

export interface OverlayOptions {
	/** Opacity of the map over the image, 0..1. */
	readonly opacity?: number;
}

export const tokenMap: Figure<TokenMapRows, OverlayOptions> = {
	id: 'token-map',
	title: 'What one visual token sees',
	readingAid:
		'Bright patches move the visual token most; the frame is its home cell, the cross the mean place of its shares and the circle their spread.',
	method:
		'Shares are the token’s squared responses (for attention: its weights) divided by their sum. The cross is their mean place, the circle’s radius their root-mean-square distance from it, in patches; drift is the distance from the home cell’s centre; the effective number of patches is 2 to the power of the shares’ entropy. ± is half of the 95 % interval over the random directions: the numbers without each of 8 parts of them in turn (jackknife).',
	ofPlaces: true,
	draw(rows, options) {
		const { map, token, label, unit } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const size = Math.min(options.width, options.height ?? 560);
		const place = panel(0, 0, size, gridOf(map.patches, map.grid), rows.image);
		const values = tokenRow(map, token);
		const scale = sequentialScale(rows.top ?? largest(values), { label, unit });
		// Only this token's numbers: the figure is drawn again at every hover.
		const own = tokenPatchMap(1, map.patches, values, map.grid);
		const cell = (rows.homes ?? homesOn(map, map.tokens))?.[token];
		const locality = tokenLocalities(own, rows.weighting, cell ? [cell] : [])[0]!;
		const { centroid, spread, home } = locality;
		const centre = place.at(centroid);
		const arm = 7;
		const cross = `M${centre.x - arm} ${centre.y}h${2 * arm}M${centre.x} ${centre.y - arm}v${2 * arm}`;
		const circle = (attributes: Parameters<typeof pen>[1]) =>
			ring(pen, place, centre, spread, { fill: 'none', ...attributes });
		const measured = Number.isNaN(spread)
			? []
			: [
					circle({ stroke: '#000000', 'stroke-opacity': 0.6, 'stroke-width': 3 }),
					circle({ stroke: '#ffffff', 'stroke-width': 1.25, 'stroke-dasharray': '4 3' }),
					pen('path', { d: cross, stroke: '#000000', 'stroke-opacity': 0.6, 'stroke-width': 3.5 }),
					pen('path', { d: cross, stroke: '#ffffff', 'stroke-width': 1.5 })
				];
		const give = (measure: LocalityMeasure, factor = 1) => {
			const half = rows.spread?.tokens[measure][token];
			return half === undefined || Number.isNaN(half) ? '' : `\u00A0±\u00A0${format('.2~r')(half * factor)}`;
		};
		const facts = [
			`Token ${token}: spread ${number(spread)}${give('spread')}\u00A0patches`,
			`${number(locality.effectivePatches)}${give('effectivePatches')} effective patches`,
			home ? `Drift from home ${number(home.drift)}${give('drift')}\u00A0patches` : '',
			home
				? `Inside home ${number(100 * home.inside)}${give('inside', 100)}\u00A0% (by chance ${percent(home.insideByChance)})`
				: ''
		];
		const mark = frame(pen);
		const foot = place.box.height + 8;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + 5 * LINE - 4);
		const svg = root(
			pen,
			options,
			foot + COLOUR_BAR_HEIGHT + 5 * LINE,
			`${tokenMap.title}. ${facts.join('. ')}`,
			[
				drawImage(pen, ink, place, rows.image, options),
				drawPatches(pen, options, place, values, scale, rows.image ? (options.opacity ?? 0.7) : 1),
				...(home ? [outline(pen, place, home.cell, { className: 'home' })] : []),
				pen('g', { 'pointer-events': 'none' }, measured),
				mark,
				colourBar(pen, ink, scale, 0, foot, Math.min(240, size)),
				...facts.map((fact, i) => text(pen, 0, foot + COLOUR_BAR_HEIGHT + (i + 1) * LINE - 4, fact)),
				note.element
			]
		);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(place.box, x, y);
				return at && { token, patch: at.row * place.box.columns + at.column };
			},
			show({ patch }) {
				const known = patch !== undefined && patch < map.patches;
				placeFrame(mark, known ? patchRect(place, patch) : undefined);
				note.write(known ? describe(rows, token, patch) : '');
			},
			move(key, from) {
				const columns = tokenColumns(map);
				const next = neighbourToken(from.token ?? token, columns, map.tokens, key);
				return next === undefined ? undefined : { ...from, token: next };
			}
		});
		return svg;
	},
	follow: (rows, { token }) =>
		token === undefined || token === rows.token || token >= rows.map.tokens ? rows : { ...rows, token },
	table: ({ map, token, label, unit }) => ({
		columns: ['patch', 'column', 'row', `${label} (${unit})`],
		rows: Array.from(tokenRow(map, token), (value, n) => {
			const { columns } = gridOf(map.patches, map.grid);
			return [n, n % columns, Math.floor(n / columns), exact(value)];
		})
	}),
	paper: ({ map, token, label, unit }) =>
		matrixTable(tokenRow(map, token), gridOf(map.patches, map.grid).columns, `${label} (${unit})`)
};

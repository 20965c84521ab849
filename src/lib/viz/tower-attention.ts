import { neighbourToken, patchSide } from '../analysis/grid.ts';
import { cellAt, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure, FigureOptions } from './figure.ts';
import { exact, number, percent } from './format.ts';
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
import { inkOf, largest, sequentialScale } from './palette.ts';
import { sideBySide } from './panels.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';
import type { OverlayOptions } from './token-map.ts';

export interface TowerAttentionRows {
	/** Encoder layer, from 0. */
	readonly layer: number;
	readonly heads: readonly {
		/** Mean attention distance over all queries, patches. */
		readonly distance: number;
		/** Share of the patches' attention that goes to the class token, where there is one. */
		readonly toClass?: number;
	}[];
	/** Attention of the query to the patches [head, N]. */
	readonly maps: Float32Array;
	/** Patch that attends; the class token when absent. */
	readonly query?: number;
	readonly image?: FigureImage;
}

const panelId = (head: number) => `head-${head}`;
const shownHeads = ({ heads }: TowerAttentionRows, { panels }: Pick<FigureOptions, 'panels'>) =>
	heads.flatMap((_, head) => (panels === undefined || panels.includes(panelId(head)) ? [head] : []));
const mapOf = ({ maps, heads }: TowerAttentionRows, head: number) => {
	const patches = maps.length / heads.length;
	return maps.subarray(head * patches, (head + 1) * patches);
};

export const towerAttention: Figure<TowerAttentionRows, OverlayOptions> = {
	id: 'tower-attention',
	title: 'Where the vision tower attends',
	readingAid:
		'One map for every head of the layer: what the framed patch attends to; choose another patch to ask for its attention.',
	method:
		'softmax(q·kᵀ / √d) of one encoder layer of the vision tower from the query’s position to all patches, as the model computes it on this picture. Each map ends at its own largest share; what goes to the class token, which has no place, is written below. d is the head’s mean attention distance over all patches as queries, in patches.',
	draw(rows, options) {
		const { heads, query, image } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const shown = shownHeads(rows, options);
		const layout = sideBySide(shown.length, options.width, options.printed ? 96 : 130, 14);
		const side = patchSide(rows.maps.length / heads.length);
		const down = shapeIn(layout.width, image).height;
		const height = 2 * LINE + down + 10;
		const scale = sequentialScale(1, { label: 'Attention, relative to each head’s largest', unit: '' });
		const opacity = image ? (options.opacity ?? 0.7) : 1;
		const parts: SVGElement[] = [];
		const panels = shown.map((head, index) => {
			const { x, y } = layout.place(index, height);
			const place = panel(x, y + 2 * LINE, layout.width, side, image);
			const values = mapOf(rows, head);
			const most = largest(values) || 1;
			const { distance, toClass } = heads[head]!;
			const facts = [
				`d\u00A0${number(distance)}`,
				...(toClass === undefined ? [] : [`class\u00A0${percent(toClass)}`])
			];
			parts.push(
				text(pen, x, y + 12, `Head ${head}`),
				text(pen, x, y + LINE + 9, facts.join(', '), { 'font-size': 11, fill: ink.soft }),
				drawImage(pen, ink, place, image, options),
				drawPatches(
					pen,
					options,
					place,
					values.map((value) => value / most),
					scale,
					opacity
				)
			);
			if (query !== undefined) {
				const [column, row] = [query % side, Math.floor(query / side)];
				parts.push(outline(pen, place, { left: column, top: row, right: column + 1, bottom: row + 1 }));
			}
			return { head, place, values, mark: frame(pen) };
		});
		const foot = Math.ceil(shown.length / layout.across) * height;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, towerAttention.title, [
			...parts,
			...panels.map(({ mark }) => mark),
			colourBar(pen, ink, scale, 0, foot, Math.min(240, options.width)),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				for (const { head, place } of panels) {
					const cell = cellAt(place.box, x, y);
					if (cell) return { head, patch: cell.row * side + cell.column };
				}
				return undefined;
			},
			show({ head, patch }) {
				const known = patch !== undefined && patch < side * side;
				for (const { place, mark } of panels) placeFrame(mark, known ? patchRect(place, patch) : undefined);
				const of = panels.find((one) => one.head === head) ?? panels[0];
				note.write(
					known && of
						? `Head ${of.head}, patch ${patch}: ${percent(of.values[patch]!)} of the attention.`
						: ''
				);
			},
			move(key, { patch = query ?? 0, ...rest }) {
				const next = neighbourToken(patch, side, side * side, key);
				return next === undefined ? undefined : { ...rest, patch: next };
			}
		});
		return svg;
	},
	panels: ({ heads }) => heads.map((_, head) => ({ id: panelId(head), title: `Head ${head}` })),
	table: (rows) => ({
		columns: ['head', 'patch', 'attention (share)'],
		rows: rows.heads.flatMap((_, head) =>
			Array.from(mapOf(rows, head), (value, patch) => [head, patch, exact(value)])
		)
	}),
	paper: ({ heads }) => ({
		heads: ['Head'],
		columns: [
			{ name: 'Mean attention distance (patches)' },
			...(heads.some(({ toClass }) => toClass !== undefined) ? [{ name: 'To the class token (share)' }] : [])
		],
		rows: heads.map(({ distance, toClass }, head) => ({
			names: [head],
			cells: [{ value: distance }, ...(toClass === undefined ? [] : [{ value: toClass }])]
		}))
	})
};

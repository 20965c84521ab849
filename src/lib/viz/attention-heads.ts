import { gridOf, type GridShape } from '../analysis/grid.ts';
import { tokenPatchMap } from '../analysis/map.ts';
import { cellAt, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { drawImage, drawPatches, panel, patchRect, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { mosaic } from './locality-grid.ts';
import { inkOf, largest, sequentialScale } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';
import type { OverlayOptions } from './token-map.ts';

export interface HeadsRows {
	/** The word of the answer that attends. */
	readonly word: string;
	readonly layers: number;
	readonly heads: number;
	/** Attention to the image, carried on to the patches [layer, head, N]. */
	readonly maps: Float32Array;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
	/** What is shown over the image; the mean over all where one is absent. */
	readonly layer?: number;
	readonly head?: number;
	readonly image?: FigureImage;
}

const LEFT = 24;
const TOP = 2 * LINE + 4;

/** Map [N] of one layer and head, or their mean. */
function mapOf({ maps, layers, heads }: HeadsRows, layer?: number, head?: number): Float32Array {
	const patches = maps.length / (layers * heads);
	const out = new Float32Array(patches);
	let count = 0;
	for (let l = 0; l < layers; l++)
		for (let h = 0; h < heads; h++) {
			if ((layer !== undefined && l !== layer) || (head !== undefined && h !== head)) continue;
			count++;
			for (let n = 0; n < patches; n++) out[n]! += maps[(l * heads + h) * patches + n]!;
		}
	return out.map((value) => value / count);
}

const total = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0);
const named = (layer?: number, head?: number) =>
	`${layer === undefined ? 'mean over layers' : `layer ${layer}`}, ${head === undefined ? 'mean over heads' : `head ${head}`}`;

export const attentionHeads: Figure<HeadsRows, OverlayOptions> = {
	id: 'attention-heads',
	title: 'Every head’s attention to the image',
	readingAid:
		'Rows are layers of the language model, columns its heads; each small square is the whole image as that head looks at it when the word is written.',
	method:
		'The language model’s attention to each visual token from the positions that predict the word’s tokens, their mean, carried on to the patches: a token’s share is divided among them in proportion to its locality map. Each small map ends at its own largest share; below is the chosen head over the image, with the share of its attention that goes to the image at all.',
	ofPlaces: true,
	draw(rows, options) {
		const { layers, heads, image, word } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const patches = rows.maps.length / (layers * heads);
		const shape = gridOf(patches, rows.grid);
		const map = { ...tokenPatchMap(layers * heads, patches, rows.maps), grid: shape };
		const grid = mosaic(map, true, heads);
		// Few heads need no more room than can be seen.
		const across = Math.min(options.width - LEFT, heads * 96);
		const cell = across / grid.width;
		const box: CellBox = {
			...{ x: LEFT, y: TOP, width: grid.width * cell, height: grid.height * cell },
			...{ columns: grid.width, rows: grid.height }
		};
		const pitch = { x: grid.pitch.x * cell, y: grid.pitch.y * cell };
		const size = { width: shape.columns * cell, height: shape.rows * cell };
		const tile = (layer: number, head: number) => ({
			...{ x: box.x + head * pitch.x, y: box.y + layer * pitch.y },
			...size
		});
		const relative = sequentialScale(1, { label: 'Attention, relative to each head’s largest', unit: '' });
		const values = mapOf(rows, rows.layer, rows.head);
		const over = sequentialScale(largest(values), { label: 'Attention, by patch', unit: 'share' });
		const gridFoot = box.y + box.height + 8;
		const top = gridFoot + COLOUR_BAR_HEIGHT + 2 * LINE;
		const place = panel(0, top, Math.min(options.width, 300), shape, image);
		const foot = top + place.box.height + 8;
		const every = (room: number) => Math.max(1, Math.ceil(16 / room));
		const small = { 'font-size': 10, fill: ink.soft };
		const chosen = frame(pen);
		if (rows.layer !== undefined && rows.head !== undefined) placeFrame(chosen, tile(rows.layer, rows.head));
		const [mark, dot] = [frame(pen), frame(pen)];
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, `${attentionHeads.title}: “${word}”`, [
			text(pen, 0, 12, `“${word}”: heads →, layers ↓`, { 'font-size': 11, fill: ink.soft }),
			...Array.from({ length: heads }, (_, head) => head)
				.filter((head) => head % every(pitch.x) === 0)
				.map((head) =>
					text(pen, box.x + head * pitch.x + size.width / 2, TOP - 5, `${head}`, {
						...small,
						'text-anchor': 'middle'
					})
				),
			...Array.from({ length: layers }, (_, layer) => layer)
				.filter((layer) => layer % every(pitch.y) === 0)
				.map((layer) =>
					text(pen, LEFT - 6, box.y + layer * pitch.y + size.height / 2 + 4, `${layer}`, {
						...small,
						'text-anchor': 'end'
					})
				),
			drawCells(pen, options, box, grid.values, relative),
			chosen,
			mark,
			colourBar(pen, ink, relative, LEFT, gridFoot, Math.min(220, options.width - LEFT)),
			text(pen, 0, top - 6, `${named(rows.layer, rows.head)}: ${percent(total(values))} on the image`),
			drawImage(pen, ink, place, image, options),
			drawPatches(pen, options, place, values, over, image ? (options.opacity ?? 0.7) : 1),
			dot,
			colourBar(pen, ink, over, 0, foot, Math.min(220, options.width)),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const [layer, head] = [Math.floor((y - box.y) / pitch.y), Math.floor((x - box.x) / pitch.x)];
				if (y >= box.y && x >= box.x && layer < layers && head < heads) {
					const [inX, inY] = [(x - box.x) % pitch.x, (y - box.y) % pitch.y];
					if (inX >= size.width || inY >= size.height) return { layer, head };
					const patch = Math.floor(inY / cell) * shape.columns + Math.floor(inX / cell);
					return { layer, head, patch };
				}
				const patch = cellAt(place.box, x, y);
				return patch && { patch: patch.row * shape.columns + patch.column };
			},
			show({ layer, head, patch }) {
				const inGrid = layer !== undefined && layer < layers && head !== undefined && head < heads;
				placeFrame(mark, inGrid ? tile(layer, head) : undefined);
				const inMap = patch !== undefined && patch < patches;
				placeFrame(dot, inMap ? patchRect(place, patch) : undefined);
				const own = inGrid ? mapOf(rows, layer, head) : values;
				const who = inGrid ? named(layer, head) : named(rows.layer, rows.head);
				if (inGrid || inMap)
					note.write(
						`${who}: ${percent(total(own))} on the image${inMap ? `, patch ${patch}: ${number(own[patch]!)}` : ''}.`
					);
				else note.write('');
			},
			move(key, { layer = rows.layer ?? 0, head = rows.head ?? 0, ...rest }) {
				const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[key];
				if (!by) return undefined;
				const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
				return { ...rest, layer: within(layer + by[0]!, layers), head: within(head + by[1]!, heads) };
			}
		});
		return svg;
	},
	table: (rows) => ({
		columns: ['layer', 'head', 'patch', 'attention (share)'],
		rows: Array.from(rows.maps, (value, i) => {
			const patches = rows.maps.length / (rows.layers * rows.heads);
			const at = Math.floor(i / patches);
			return [Math.floor(at / rows.heads), at % rows.heads, i % patches, exact(value)];
		})
	}),
	paper: (rows) => ({
		heads: ['Attention to the image (share): layer'],
		columns: Array.from({ length: rows.heads }, (_, head) => ({ name: `Head ${head}` })),
		rows: Array.from({ length: rows.layers }, (_, layer) => ({
			names: [layer],
			cells: Array.from({ length: rows.heads }, (_, head) => ({ value: total(mapOf(rows, layer, head)) }))
		}))
	})
};

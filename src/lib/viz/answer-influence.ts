import { gridOf, type GridShape } from '../analysis/grid.ts';
import { cellRect, cellAt, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, quantity } from './format.ts';
import { drawImage, drawPatches, panel, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { divergingScale, inkOf, largest, largestMagnitude, sequentialScale } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';
import { clipped, widthOf } from './type.ts';
import type { OverlayOptions } from './token-map.ts';

export interface InfluenceRows {
	readonly words: readonly string[];
	/** M. */
	readonly tokens: number;
	/** Influence of each visual token on each word [words, M]. */
	readonly influence: Float32Array;
	/** The same carried on to the patches [words, N] (`analysis/two-hop.ts`). */
	readonly patches: Float32Array;
	/** The word shown over the image. */
	readonly word: number;
	readonly label: string;
	readonly unit: string;
	/** Whether influences have a sign (ablation) or not (attention). */
	readonly signed: boolean;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
	readonly image?: FigureImage;
}

/** Room for the words: as the longest needs, within these pixels and this share of the width. */
const LEAST = 96;
const MOST = 0.42;
const ROW = 18;

export const answerInfluence: Figure<InfluenceRows, OverlayOptions> = {
	id: 'answer-influence',
	title: 'Where the answer looks',
	readingAid:
		'The chosen word’s influences carried on to the image; below, each row is a word of the answer, each column a visual token.',
	method:
		'Attention: the language model’s attention to each visual token from the positions that predict the word’s tokens, their mean, at the chosen layers and heads. Ablation: log-probability of the word with the visual token less that with the mean of the image’s tokens in its place, in nats; positive when the token helps. Gradient: its first order, the slope of the log-probability at the token along the line from the mean to it, in nats per whole way. Two hops: each token’s influence is shared out over the patches in proportion to its locality map.',
	ofPlaces: true,
	draw(rows, options) {
		const { words, tokens, influence, signed, label, unit } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const longest = Math.max(0, ...words.map((word) => widthOf(word)));
		const LABEL = Math.round(Math.max(LEAST, Math.min(longest + 12, MOST * options.width)));
		const count = rows.patches.length / words.length;
		const values = rows.patches.subarray(rows.word * count, (rows.word + 1) * count);
		const scaled = (data: Float32Array, what: string) =>
			signed
				? divergingScale(largestMagnitude(data), { label: what, unit })
				: sequentialScale(largest(data), { label: what, unit });
		const heat = scaled(influence, `${label}, by visual token`);
		const spread = scaled(values, `${label}, by patch`);
		// The image stands first, so that it is in sight with the words above the figure however many they are.
		const size = Math.min(options.width - LABEL, options.height ?? 420);
		const place = panel(LABEL, LINE, size, gridOf(count, rows.grid), rows.image);
		const foot = place.box.y + place.box.height + 8;
		const box: CellBox = {
			...{ x: LABEL, y: foot + COLOUR_BAR_HEIGHT + 2 * LINE, columns: tokens, rows: words.length },
			...{ width: options.width - LABEL, height: words.length * ROW }
		};
		const below = box.y + box.height + 8;
		const labels = words.map((word, i) =>
			text(pen, LABEL - 8, box.y + (i + 0.7) * ROW, clipped(word, LABEL - 12), {
				'text-anchor': 'end',
				'font-weight': i === rows.word ? 700 : undefined,
				'data-word': i
			})
		);
		const mark = frame(pen);
		const bar = Math.min(220, options.width - LABEL);
		const note = readout(pen, ink, LABEL, below + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, below + COLOUR_BAR_HEIGHT + LINE, answerInfluence.title, [
			text(pen, LABEL, box.y - 6, `visual token 0 to ${tokens - 1} →`, { 'font-size': 11, fill: ink.soft }),
			...labels,
			drawCells(pen, options, box, influence, heat),
			mark,
			colourBar(pen, ink, heat, LABEL, below, bar),
			text(pen, LABEL, place.box.y - 6, `“${words[rows.word] ?? ''}” in the image`),
			drawImage(pen, ink, place, rows.image, options),
			drawPatches(pen, options, place, values, spread, rows.image ? (options.opacity ?? 0.7) : 1),
			colourBar(pen, ink, spread, LABEL, foot, bar),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(box, x, y);
				if (at) return { word: at.row, token: at.column };
				const row = Math.floor((y - box.y) / ROW);
				if (x < LABEL && row >= 0 && row < words.length) return { word: row };
				const patch = cellAt(place.box, x, y);
				return patch && { patch: patch.row * place.box.columns + patch.column };
			},
			show({ word, token, patch }) {
				const inHeat = word !== undefined && word < words.length && token !== undefined && token < tokens;
				placeFrame(mark, inHeat ? cellRect(box, token, word) : undefined);
				if (inHeat)
					note.write(
						`“${words[word]}”, token ${token}: ${quantity(influence[word * tokens + token]!, unit)}.`
					);
				else if (patch !== undefined && patch < count)
					note.write(`“${words[rows.word]}”, patch ${patch}: ${quantity(values[patch]!, unit)}.`);
				else note.write('');
			},
			move(key, { word = rows.word, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, word: Math.min(words.length - 1, Math.max(0, word + step)) };
			}
		});
		return svg;
	},
	follow: (rows, { word }) =>
		word === undefined || word === rows.word || word >= rows.words.length ? rows : { ...rows, word },
	table: ({ words, tokens, influence, unit }) => ({
		columns: ['word', ...Array.from({ length: tokens }, (_, m) => `token ${m} (${unit})`)],
		rows: words.map((word, w) => [
			word,
			...Array.from(influence.subarray(w * tokens, (w + 1) * tokens), exact)
		])
	})
};

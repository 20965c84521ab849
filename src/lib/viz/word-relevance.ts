import { gridOf, type GridShape } from '../analysis/grid.ts';
import { cellAt, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure, FigureOptions } from './figure.ts';
import { exact, number, quantity } from './format.ts';
import { drawImage, drawPatches, panel, patchRect, shapeIn, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { divergingScale, inkOf, largest, largestMagnitude, sequentialScale } from './palette.ts';
import { sideBySide } from './panels.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';
import type { OverlayOptions } from './token-map.ts';

/** How much each visual token has to do with each word, and the same carried on to the patches. */
interface WordMaps {
	/** [words, M] */
	readonly tokens: Float32Array;
	/** [words, N] */
	readonly patches: Float32Array;
}

export interface RelevanceRows {
	readonly words: readonly {
		readonly word: string;
		/** Of the word given all before it, nats. */
		readonly logProbability: number;
		/** Spearman's correlation over the visual tokens of |relevance| with attention. */
		readonly agreement: number;
	}[];
	/** M */
	readonly tokens: number;
	readonly relevance: WordMaps;
	readonly attention: WordMaps;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
	/** The word chosen. */
	readonly word: number;
	/** Whether each word's maps end at their own largest value, or all at the largest of all. */
	readonly scale: 'own' | 'common';
	readonly unit: string;
	readonly image?: FigureImage;
}

interface Shown {
	/** Of `FigureOptions.panels`. */
	readonly id: string;
	readonly title: string;
	/** Row of the maps; the sum over all words when absent. */
	readonly word?: number;
	readonly relevance: Float32Array;
	readonly attention: Float32Array;
}

/**
 * Nats below which a scale of its own does not end: what log-probabilities in float32 round away, divided by the gradient's step, is of the
 * order of 1e-4, and a word that is certain has nothing else.
 */
const FLOOR = 1e-3;
const ALL = 'all';
const GAP = 6;
const panelId = (word: number) => `word-${word}`;

/** Sum of all words' rows [words, n], divided by `by`. */
function summed(values: Float32Array, words: number, by = 1): Float32Array {
	const n = values.length / words;
	const sum = new Float32Array(n);
	for (let i = 0; i < values.length; i++) sum[i % n]! += values[i]! / by;
	return sum;
}

/** The maps that are drawn: all words together, then each. */
function shownOf(
	{ words, relevance, attention }: RelevanceRows,
	{ panels }: Pick<FigureOptions, 'panels'>
): Shown[] {
	const count = words.length;
	const row = ({ patches }: WordMaps, word: number) =>
		patches.subarray((word * patches.length) / count, ((word + 1) * patches.length) / count);
	const all: Shown[] = [
		{
			...{ id: ALL, title: 'All words' },
			relevance: summed(relevance.patches, count),
			attention: summed(attention.patches, count, count)
		},
		...words.map(({ word: title }, word) => ({
			...{ id: panelId(word), title: `“${title}”`, word },
			...{ relevance: row(relevance, word), attention: row(attention, word) }
		}))
	];
	return panels === undefined ? all : all.filter(({ id }) => panels.includes(id));
}

/** What stands below a panel's title. */
function facts({ words }: RelevanceRows, { word }: Shown): string {
	if (word === undefined) return 'sum of relevance, mean of attention';
	const { logProbability, agreement } = words[word]!;
	return `${quantity(logProbability, 'nats')}, ρ\u00A0=\u00A0${number(agreement)}`;
}

export const wordRelevance: Figure<RelevanceRows, OverlayOptions> = {
	id: 'word-relevance',
	title: 'What each word depends on',
	readingAid:
		'For every word the places whose visual tokens make it likelier (orange) or less likely (purple) at the left, and where the language model attends at the right.',
	method:
		'Relevance, in nats: what a visual token does to the word’s log-probability while the answer is forced; a word’s tokens add up. By gradient it is g · (token − mean), the slope of the log-probability at the token along the line from the mean of the image’s tokens, by central differences through the whole language model; by ablation the token is replaced by that mean. Attention: the language model’s share from the positions that predict the word’s tokens. Both are carried on to the patches: what a token has is shared out in proportion to its locality map. Below each word its log-probability, and ρ, Spearman’s correlation over the visual tokens of the size of relevance with attention. A word that is certain depends on nothing by these measures: scales of their own end at 0.001 nats at least, below which rounding would show.',
	ofPlaces: true,
	draw(rows, options) {
		const { unit, image, words } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const shown = shownOf(rows, options);
		const layout = sideBySide(shown.length, options.width, options.printed ? 150 : 250);
		const half = (layout.width - GAP) / 2;
		const grid = gridOf(rows.relevance.patches.length / (words.length || 1), rows.grid);
		const down = shapeIn(half, image ?? { aspect: grid.columns / grid.rows }).height;
		const height = 2 * LINE + down + 14;
		const own = rows.scale === 'own';
		const relative = ', relative to each word’s largest';
		const top = (of: (one: Shown) => Float32Array, size: (values: Float32Array) => number) =>
			own ? 1 : Math.max(...shown.filter(({ word }) => word !== undefined).map((one) => size(of(one))), 0);
		const gains = divergingScale(
			top(({ relevance }) => relevance, largestMagnitude),
			{
				label: `Relevance, left${own ? relative : ''}`,
				unit: own ? '' : unit
			}
		);
		const looks = sequentialScale(
			top(({ attention }) => attention, largest),
			{
				label: `Attention, right${own ? relative : ''}`,
				unit: own ? '' : 'share'
			}
		);
		const opacity = image ? (options.opacity ?? 0.7) : 1;
		const over = (values: Float32Array, most: number) =>
			own ? values.map((value) => value / (most || 1)) : values;
		const parts: SVGElement[] = [];
		const panels = shown.map((one, index) => {
			const { x, y } = layout.place(index, height);
			const chosen = one.word === rows.word;
			const fit = Math.max(4, Math.floor(layout.width / 8));
			const name = one.title.length > fit ? `${one.title.slice(0, fit - 1)}…` : one.title;
			const places = [0, half + GAP].map((dx) => panel(x + dx, y + 2 * LINE, half, grid, image));
			const [left, right] = [places[0]!, places[1]!];
			parts.push(
				text(pen, x, y + 12, name, {
					'font-weight': chosen ? 700 : 500,
					'data-word': one.word
				}),
				text(pen, x, y + LINE + 10, facts(rows, one), { 'font-size': 11, fill: ink.soft }),
				drawImage(pen, ink, left, image, options),
				drawPatches(
					pen,
					options,
					left,
					over(one.relevance, Math.max(FLOOR, largestMagnitude(one.relevance))),
					gains,
					opacity
				),
				drawImage(pen, ink, right, image, options),
				drawPatches(pen, options, right, over(one.attention, largest(one.attention)), looks, opacity)
			);
			const at = { x, y, width: layout.width, height: 2 * LINE + down };
			return { ...one, at, places, marks: places.map(() => frame(pen)) };
		});
		const foot = Math.ceil(shown.length / layout.across) * height;
		const bar = Math.min(240, options.width);
		const below = options.width >= 2 * 240 + 24 ? 0 : COLOUR_BAR_HEIGHT;
		const bars = below + COLOUR_BAR_HEIGHT;
		const note = readout(pen, ink, 0, foot + bars + LINE - 4);
		const svg = root(pen, options, foot + bars + LINE, wordRelevance.title, [
			...parts,
			...panels.flatMap(({ marks }) => marks),
			colourBar(pen, ink, gains, 0, foot, bar),
			colourBar(pen, ink, looks, below ? 0 : 264, foot + below, bar),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				for (const { at, word, places } of panels) {
					if (x < at.x || x > at.x + at.width || y < at.y || y > at.y + at.height) continue;
					const cell = places.map(({ box }) => cellAt(box, x, y)).find((found) => found !== undefined);
					return {
						...(word !== undefined && { word }),
						...(cell && { patch: cell.row * grid.columns + cell.column })
					};
				}
				return undefined;
			},
			show({ word, patch }) {
				const known = patch !== undefined && patch < grid.rows * grid.columns;
				for (const one of panels)
					one.marks.forEach((mark, i) =>
						placeFrame(mark, known ? patchRect(one.places[i]!, patch) : undefined)
					);
				const of = panels.find((one) => one.word === (word ?? rows.word)) ?? panels[0];
				note.write(
					known && of
						? `${of.title}, patch ${patch}: relevance ${quantity(of.relevance[patch]!, unit)}, attention ${number(of.attention[patch]!)}.`
						: word !== undefined && words[word]
							? `“${words[word].word}”: ${quantity(words[word].logProbability, 'nats')}, ρ = ${number(words[word].agreement)}.`
							: ''
				);
			},
			move(key, { word = rows.word, ...rest }) {
				const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, word: Math.min(words.length - 1, Math.max(0, word + step)) };
			}
		});
		return svg;
	},
	follow: (rows, { word }) =>
		word === undefined || word === rows.word || word >= rows.words.length ? rows : { ...rows, word },
	panels: (rows) => shownOf(rows, {}).map(({ id, title }) => ({ id, title })),
	table: ({ words, tokens, relevance, attention, unit }) => ({
		columns: ['word', 'visual token', `relevance (${unit})`, 'attention (share)'],
		rows: words.flatMap(({ word }, w) =>
			Array.from({ length: tokens }, (_, m) => [
				...[word, m],
				...[exact(relevance.tokens[w * tokens + m]!), exact(attention.tokens[w * tokens + m]!)]
			])
		)
	}),
	paper: ({ words, tokens, relevance, attention, unit }) => ({
		heads: ['Word'],
		columns: [
			'log p (nats)',
			`Relevance, sum over tokens (${unit})`,
			'Attention to the image (share)',
			'ρ'
		].map((name) => ({ name })),
		rows: words.map(({ word, logProbability, agreement }, w) => {
			const total = (values: Float32Array) =>
				values.subarray(w * tokens, (w + 1) * tokens).reduce((sum, value) => sum + value, 0);
			const values = [logProbability, total(relevance.tokens), total(attention.tokens), agreement];
			return { names: [word], cells: values.map((value) => (Number.isNaN(value) ? undefined : { value })) };
		})
	})
};

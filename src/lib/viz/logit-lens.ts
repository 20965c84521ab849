import { columnRow, neighbourToken, sideOf } from '../analysis/grid.ts';
import { cellAt, cellRect, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { link } from './interaction.ts';
import { colourOf, inkOf, sequentialScale, textOn } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';

/** Nearest words of one visual token at one layer, the best first. */
export interface LensToken {
	readonly words: readonly string[];
	readonly probabilities: readonly number[];
	/** Bits. */
	readonly entropy: number;
}

export interface LensRows {
	/** Layer whose output is read; 0 is before the first. */
	readonly layer: number;
	/** M, row-major. */
	readonly tokens: readonly LensToken[];
	/** Number of words in the vocabulary: entropy is at most log2 of it. */
	readonly vocabulary: number;
}

export const logitLens: Figure<LensRows> = {
	id: 'logit-lens',
	title: 'What the language model reads in each visual token',
	readingAid:
		'Each cell shows the word nearest to a visual token at this layer; dark cells are sure of it, bright ones are not.',
	method:
		'Logit lens: the hidden state at the visual token’s position goes through the final norm and the output matrix, as if the model ended at this layer. Entropy is that of the whole distribution over the vocabulary.',
	draw({ layer, tokens, vocabulary }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const columns = sideOf(tokens.length) ?? Math.ceil(Math.sqrt(tokens.length));
		const rows = Math.ceil(tokens.length / columns);
		const width = options.width / columns;
		const height = Math.max(18, Math.min(40, width * 0.6));
		const box: CellBox = { x: 0, y: LINE, width: options.width, height: rows * height, columns, rows };
		const scale = sequentialScale(Math.log2(vocabulary), { label: 'Entropy', unit: 'bits' });
		const values = Array.from({ length: columns * rows }, (_, i) => tokens[i]?.entropy ?? NaN);
		const font = Math.min(12, height * 0.5);
		const room = Math.max(1, Math.floor(width / (font * 0.6)));
		const words = tokens.map((token, i) => {
			const at = columnRow(i, columns);
			const word = token.words[0] ?? '';
			return text(
				pen,
				(at.column + 0.5) * width,
				box.y + (at.row + 0.5) * height + font * 0.35,
				word.length > room ? `${word.slice(0, Math.max(1, room - 1))}…` : word,
				{
					'font-size': font,
					'text-anchor': 'middle',
					fill: textOn(colourOf(scale, token.entropy)),
					'data-token': i
				}
			);
		});
		const mark = frame(pen);
		const foot = box.y + box.height + 8;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, `${logitLens.title}, layer ${layer}`, [
			text(pen, 0, LINE - 6, layer === 0 ? 'Before the first layer' : `After layer ${layer}`),
			drawCells(pen, options, box, values, scale),
			pen('g', { 'pointer-events': 'none' }, words),
			mark,
			colourBar(pen, ink, scale, 0, foot),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(box, x, y);
				const token = at && at.row * columns + at.column;
				return token !== undefined && token < tokens.length ? { token } : undefined;
			},
			show({ token }) {
				const known = token === undefined ? undefined : tokens[token];
				const at = columnRow(token ?? 0, columns);
				placeFrame(mark, known ? cellRect(box, at.column, at.row) : undefined);
				note.write(
					known
						? `Token ${token}: ${known.words.map((word, i) => `${word} ${percent(known.probabilities[i]!)}`).join(', ')}; entropy ${number(known.entropy)} bits.`
						: ''
				);
			},
			move(key, { token, ...rest }) {
				if (token === undefined) return key.startsWith('Arrow') ? { ...rest, token: 0 } : undefined;
				const next = neighbourToken(token, columns, tokens.length, key);
				return next === undefined ? undefined : { ...rest, token: next };
			}
		});
		return svg;
	},
	table: ({ tokens }) => ({
		columns: ['visual token', 'nearest words', 'probability of the first', 'entropy (bits)'],
		rows: tokens.map(({ words, probabilities, entropy }, i) => [
			...[i, words.join(' ')],
			...[exact(probabilities[0] ?? NaN), exact(entropy)]
		])
	})
};

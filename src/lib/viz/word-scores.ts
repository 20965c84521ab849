import { scaleLinear } from 'd3';
import type { AnswerScore } from '../analysis/answer-scores.ts';
import type { ComparedColumn } from './compare-grids.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent, quantity } from './format.ts';
import { link } from './interaction.ts';
import { inkOf } from './palette.ts';
import { readout } from './readout.ts';
import { rules } from './rules.ts';
import { LINE, penOf, root, round, text, type Pen } from './svg.ts';
import { linesOf } from './type.ts';

export interface WordScoresRows {
	/** Column that wrote the answer. */
	readonly source: string;
	/** Columns that scored it. */
	readonly columns: readonly (ComparedColumn & { readonly score: AnswerScore })[];
}

const ROW = 22;

export const wordScores: Figure<WordScoresRows> = {
	id: 'word-scores',
	title: 'One column’s answer, scored by all',
	readingAid:
		'The further left a mark, the less the column expected the word after the words before it; marks at the right edge are certain. Columns whose marks part at a word disagree there.',
	method:
		'Forced decoding: the answer’s tokens are put in one after the other and each is scored given the image, the question and all tokens before it, whatever the column would have written itself. A word’s score is the sum over its tokens, in nats; perplexity is exp(−mean over the tokens). The end token is not counted. With another tokenizer the number of tokens differs: compare the sums.',
	draw({ source, columns }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const words = columns[0]?.score.words ?? [];
		const left = Math.min(170, options.width / 3);
		const right = options.width - 10;
		const lowest = Math.min(
			-1,
			...columns.flatMap(({ score }) => score.words.map(({ logProbability }) => logProbability))
		);
		const x = scaleLinear([lowest, 0], [left + 10, right]).nice(5);
		const legend = columns.map(({ name, score }) =>
			linesOf(
				`${name}: perplexity ${number(score.perplexity)}, ${quantity(score.total, 'nats')} over ${score.tokens} ${score.tokens === 1 ? 'token' : 'tokens'}`,
				options.width - 18
			)
		);
		const head = legend.flat().length * LINE + 12;
		const base = head + words.length * ROW;
		const parts: SVGElement[] = columns.flatMap(({ colour }, column) => {
			const above = legend.slice(0, column).flat().length;
			return [
				mark(pen, column, 6, above * LINE + 9, colour),
				...legend[column]!.map((line, i) => text(pen, 18, (above + i) * LINE + 13, line))
			];
		});
		parts.push(
			...rules(pen, ink, x, { top: head, bottom: base, most: 5, zeroBefore: true }),
			text(pen, left + 10, base + 29, 'Log-probability of the word (nats)', {
				...{ 'font-size': 11, fill: ink.soft }
			})
		);
		words.forEach(({ word }, row) => {
			const middle = head + (row + 0.5) * ROW;
			const at = columns.map(({ score }) => x(score.words[row]?.logProbability ?? NaN));
			const known = at.filter((value) => !Number.isNaN(value));
			parts.push(
				text(pen, left, middle + 4, word, { 'text-anchor': 'end' }),
				pen('path', {
					d: `M${round(Math.min(...known))} ${middle}H${round(Math.max(...known))}`,
					...{ stroke: ink.soft, 'stroke-width': 1.5 }
				}),
				// The first columns on top.
				...columns
					.flatMap(({ colour }, column) =>
						Number.isNaN(at[column]!) ? [] : [mark(pen, column, at[column]!, middle, colour)]
					)
					.reverse()
			);
		});
		const band = pen('rect', {
			...{ x: 0, y: 0, width: options.width, height: ROW, visibility: 'hidden' },
			...{ fill: ink.ink, 'fill-opacity': 0.07 }
		});
		const note = readout(pen, ink, 0, base + 2 * LINE + 14);
		const svg = root(
			pen,
			options,
			base + 3 * LINE,
			`Answer of ${source}, scored by ${columns.map(({ name }) => name).join('; ')}`,
			[band, ...parts, note.element]
		);
		link(svg, options, {
			at(_, y) {
				const word = Math.floor((y - head) / ROW);
				return word >= 0 && word < words.length ? { word } : undefined;
			},
			show({ word }) {
				const known = word !== undefined && word < words.length;
				band.setAttribute('visibility', known ? 'visible' : 'hidden');
				if (!known) return note.write('');
				band.setAttribute('y', `${head + word * ROW}`);
				const scores = columns.map(({ name, score }) => {
					const value = score.words[word]?.logProbability ?? NaN;
					return `${name.split(':')[0]} ${number(value)} (${percent(Math.exp(value))})`;
				});
				note.write(`“${words[word]!.word}”: ${scores.join(', ')}.`);
			},
			move(key, { word = -1, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, word: Math.min(words.length - 1, Math.max(0, word + step)) };
			}
		});
		return svg;
	},
	table: ({ columns }) => ({
		columns: ['word', ...columns.map(({ name }) => `${name} (nats)`)],
		rows: (columns[0]?.score.words ?? []).map(({ word }, row) => [
			word,
			...columns.map(({ score }) => exact(score.words[row]?.logProbability ?? NaN))
		])
	})
};

/** Each column has a shape of its own: two columns may have one projector's colour. */
function mark(pen: Pen, column: number, x: number, y: number, colour: string): SVGPathElement {
	const shapes = [
		`M${round(x - 5)} ${round(y)}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z`,
		`M${round(x - 4.5)} ${round(y - 4.5)}h9v9h-9z`,
		`M${round(x)} ${round(y - 6)}l5.5 10h-11z`,
		`M${round(x)} ${round(y - 6)}l6 6l-6 6l-6 -6z`
	];
	return pen('path', { d: shapes[column % shapes.length]!, fill: colour });
}

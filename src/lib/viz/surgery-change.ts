import { scaleLinear } from 'd3';
import type { WordPair } from '../analysis/answer-diff.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent, quantity } from './format.ts';
import { link } from './interaction.ts';
import { colourOf, divergingScale, inkOf } from './palette.ts';
import { readout } from './readout.ts';
import { rules } from './rules.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface SurgeryRows {
	/** Words of the answer before the edits and of the one after them, in one order. */
	readonly pairs: readonly WordPair[];
}

const ROW = 24;
/** Height of the two lines above the rows. */
const HEAD = 2 * LINE + 8;
/** Changes below this are no news: the axis never shows less, nats. */
const LEAST = 0.1;

/** Log-probabilities are sums of nats; as probabilities they are easier to grasp. */
const fromTo = (before: number, after: number) =>
	`${number(before)} → ${quantity(after, 'nats')} (${percent(Math.exp(before))} → ${percent(Math.exp(after))})`;

export const surgeryChange: Figure<SurgeryRows> = {
	id: 'surgery-change',
	title: 'Which words the change of tokens moved',
	readingAid:
		'Left of the line the changed visual tokens made a word less likely, right of it more likely; full dots are words of the answer before, hollow dots words of the answer after, and a row holds the words that stand at the same place.',
	method:
		'Forced decoding: each answer is put in token by token and scored twice, once with the visual tokens as they are and once with the changed ones; a word’s change is the difference of the two sums over its tokens, in nats. The answers are aligned by their longest common subsequence of words. A word that both answers have is scored in each of them, after the words before it there.',
	draw({ pairs }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const column = Math.min(110, options.width * 0.2);
		const left = 2 * column + 20;
		const right = options.width - 12;
		const deltas = pairs.flatMap(({ before, after }) =>
			[before?.delta, after?.delta].filter((delta) => delta !== undefined)
		);
		const x = scaleLinear([Math.min(-LEAST, ...deltas), Math.max(LEAST, ...deltas)], [left, right]).nice(5);
		const scale = divergingScale(1, { label: 'Change', unit: 'nats' });
		const bottom = HEAD + pairs.length * ROW;
		const small = { 'font-size': 11, fill: ink.soft };
		const fit = (word: string) => {
			const letters = Math.max(3, Math.floor(column / 7));
			return word.length > letters ? `${word.slice(0, letters - 1)}…` : word;
		};
		const band = pen('rect', {
			...{ x: 0, y: 0, width: options.width, height: ROW, class: 'frame', visibility: 'hidden' },
			...{ fill: ink.ink, 'fill-opacity': 0.07 }
		});
		const parts: SVGElement[] = [
			text(pen, column, LINE - 4, 'before', { ...small, 'text-anchor': 'end' }),
			text(pen, column + 12, LINE - 4, 'after', small),
			text(pen, x(0) - 8, HEAD - 8, '← less likely', { ...small, 'text-anchor': 'end' }),
			text(pen, x(0) + 8, HEAD - 8, 'more likely →', small),
			...rules(pen, ink, x, { top: HEAD, bottom, most: 5, sides: true })
		];
		const axis = { ...small, 'text-anchor': 'end' };
		parts.push(text(pen, right, bottom + 30, 'Change of the word’s log-probability (nats)', axis));
		pairs.forEach(({ before, after }, row) => {
			const middle = HEAD + (row + 0.5) * ROW;
			const differs = before?.word !== after?.word;
			const name = { 'font-weight': differs ? 600 : undefined };
			if (before)
				parts.push(text(pen, column, middle + 4, fit(before.word), { ...name, 'text-anchor': 'end' }));
			if (after) parts.push(text(pen, column + 12, middle + 4, fit(after.word), name));
			// Two words of one row lie one above the other.
			const apart = before && after ? 4.5 : 0;
			for (const [word, y, full] of [
				[before, middle - apart, true],
				[after, middle + apart, false]
			] as const) {
				if (!word) continue;
				const colour = colourOf(scale, word.delta < 0 ? -0.6 : 0.6);
				parts.push(
					pen('path', {
						d: `M${round(x(0))} ${round(y)}H${round(x(word.delta))}`,
						...{ stroke: colour, 'stroke-width': 2, class: 'change' }
					}),
					pen('circle', {
						...{ cx: x(word.delta), cy: y, r: 3.75, 'stroke-width': 1.75 },
						...{ fill: full ? colour : ink.paper, stroke: colour }
					})
				);
			}
		});
		const note = readout(pen, ink, 0, bottom + 3 * LINE);
		const svg = root(pen, options, bottom + 3 * LINE + 8, surgeryChange.title, [
			band,
			...parts,
			note.element
		]);
		/** The row chosen, or the one of a word of the answer before. */
		const rowOf = (word: number | undefined, row: number | undefined) => {
			const chosen = row === undefined ? undefined : pairs[row];
			if (chosen && (!chosen.before || word === undefined || chosen.index === word)) return row;
			const at = word === undefined ? -1 : pairs.findIndex(({ index }) => index === word);
			return at < 0 ? undefined : at;
		};
		const selected = (row: number) => {
			const { index } = pairs[row]!;
			return { row, ...(index !== undefined && { word: index }) };
		};
		link(svg, options, {
			at(_, y) {
				const row = Math.floor((y - HEAD) / ROW);
				return row >= 0 && row < pairs.length ? selected(row) : undefined;
			},
			show({ word, row }) {
				const at = rowOf(word, row);
				band.setAttribute('visibility', at === undefined ? 'hidden' : 'visible');
				if (at === undefined) return note.write('');
				band.setAttribute('y', `${HEAD + at * ROW}`);
				const { before, after } = pairs[at]!;
				note.write(
					[before && `“${before.word}” before: `, after && `“${after.word}” after: `]
						.flatMap((name, i) => {
							const score = i === 0 ? before : after;
							return name && score ? [`${name}${fromTo(score.before, score.after)}`] : [];
						})
						.join('; ')
				);
			},
			move(key, { word, row, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined || pairs.length === 0) return undefined;
				const from = rowOf(word, row) ?? -1;
				return { ...rest, ...selected(Math.min(pairs.length - 1, Math.max(0, from + step))) };
			}
		});
		return svg;
	},
	table: ({ pairs }) => ({
		columns: ['before', 'after'].flatMap((answer) => [
			`word of the answer ${answer}`,
			`${answer}: without the edits (nats)`,
			`${answer}: with them (nats)`,
			`${answer}: change (nats)`
		]),
		rows: pairs.map(({ before, after }) =>
			[before, after].flatMap((word) =>
				word ? [word.word, exact(word.before), exact(word.after), exact(word.delta)] : ['', NaN, NaN, NaN]
			)
		)
	})
};

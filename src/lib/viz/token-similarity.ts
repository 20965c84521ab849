import { cellAt, cellRect, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { divergingScale, inkOf } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';
import { widthOf } from './type.ts';

export interface SimilarityRows {
	readonly a: string;
	readonly b: string;
	/** Cosines [tokens of a, tokens of b], row-major. */
	readonly cosine: Float32Array;
	readonly tokensA: number;
	readonly tokensB: number;
	/** Partner in b of each token of a by the best matching, −1 for none. */
	readonly partner?: Int32Array;
	/** Linear CKA, when both have the same M. */
	readonly cka?: number;
	/** Mean cosine of the matched pairs. */
	readonly mean?: number;
}

export const tokenSimilarity: Figure<SimilarityRows> = {
	id: 'token-similarity',
	title: 'How alike two sets of visual tokens are',
	readingAid:
		'Orange cells are tokens that point the same way for the language model, purple ones opposite ways; the dots are the best one-to-one matching.',
	method:
		'Cosine of every pair of tokens after each side’s mean token was subtracted. The matching has the largest sum of cosines (Jonker and Volgenant). Linear CKA (Kornblith et al. 2019) compares all tokens at once and is blind to rotation and scale.',
	ofPlaces: true,
	draw(rows, options) {
		const { a, b, tokensA, tokensB, cosine, partner } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const cell = Math.min((options.width - 20) / tokensB, (options.height ?? 520) / tokensA);
		const box: CellBox = {
			x: 20,
			y: 20,
			width: cell * tokensB,
			height: cell * tokensA,
			columns: tokensB,
			rows: tokensA
		};
		const scale = divergingScale(1, { label: 'Cosine', unit: '' });
		const dots = Array.from(partner ?? [], (column, row) => {
			if (column < 0) return '';
			const r = Math.max(0.75, Math.min(3, cell / 5));
			const [x, y] = [box.x + (column + 0.5) * cell, box.y + (row + 0.5) * cell];
			return `M${round(x - r)} ${round(y)}a${round(r)} ${round(r)} 0 1 0 ${round(2 * r)} 0a${round(r)} ${round(r)} 0 1 0 ${round(-2 * r)} 0z`;
		}).join('');
		const foot = box.y + box.height + 8;
		const sums = [
			...(rows.mean === undefined ? [] : [`Mean cosine of matched tokens ${number(rows.mean)}`]),
			...(rows.cka === undefined ? [] : [`Linear CKA ${number(rows.cka)}`])
		];
		// Beside the colour bar, or below it where there is no room.
		const beside = sums.every((line) => 200 + widthOf(line) <= options.width);
		const end = foot + COLOUR_BAR_HEIGHT + (beside ? 0 : sums.length * LINE);
		const axis = { fill: ink.soft, 'font-size': 11 };
		const mark = frame(pen);
		const note = readout(pen, ink, 20, end + LINE - 4);
		const svg = root(pen, options, end + LINE, `${tokenSimilarity.title}: ${a}, ${b}`, [
			text(pen, 20, 13, `${b}, token 0 to ${tokensB - 1} →`, axis),
			text(pen, -20, 13, `← ${a}, token 0 to ${tokensA - 1}`, {
				...axis,
				transform: 'rotate(-90)',
				'text-anchor': 'end'
			}),
			drawCells(pen, options, box, cosine, scale),
			pen('path', {
				d: dots,
				fill: '#000000',
				stroke: '#ffffff',
				'stroke-width': 0.5,
				'pointer-events': 'none'
			}),
			mark,
			colourBar(pen, ink, scale, 20, foot),
			...sums.map((line, i) =>
				beside
					? text(pen, 200, foot + 9 + i * LINE, line)
					: text(pen, 20, foot + COLOUR_BAR_HEIGHT + 13 + i * LINE, line)
			),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(box, x, y);
				return at && { token: at.row };
			},
			show({ token }) {
				const known = token !== undefined && token < tokensA;
				placeFrame(mark, known ? { ...cellRect(box, 0, token), width: box.width } : undefined);
				if (!known) return note.write('');
				const other = partner?.[token] ?? -1;
				note.write(
					other < 0
						? `Token ${token} of ${a}: no partner.`
						: `Token ${token} of ${a}: best matched with token ${other} of ${b}, cosine ${number(cosine[token * tokensB + other]!)}.`
				);
			},
			move(key, { token, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, token: token === undefined ? 0 : Math.min(tokensA - 1, Math.max(0, token + step)) };
			}
		});
		return svg;
	},
	table: ({ a, b, cosine, tokensA, tokensB, partner }) => ({
		columns: [`token of ${a}`, `partner in ${b}`, 'cosine'],
		rows: Array.from({ length: tokensA }, (_, token) => {
			const other = partner?.[token] ?? -1;
			return [token, other < 0 ? '–' : other, exact(other < 0 ? NaN : cosine[token * tokensB + other]!)];
		})
	})
};

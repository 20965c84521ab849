import { gridOf, type GridShape } from '../analysis/grid.ts';
import type { Coverage } from '../analysis/locality.ts';
import { cellAt, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { drawImage, drawPatches, panel, patchRect, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { inkOf, largest, sequentialScale } from './palette.ts';
import { matrixTable } from './paper-table.ts';
import { readout } from './readout.ts';
import type { OverlayOptions } from './token-map.ts';
import { LINE, penOf, root, round } from './svg.ts';

export interface CoverageRows {
	readonly coverage: Coverage;
	/** M: even cover would be M/N. */
	readonly tokens: number;
	readonly image?: FigureImage;
}

export interface CoverageOptions extends OverlayOptions {
	/** Filled with: how much, how exclusively, or by how many tokens. */
	readonly show?: 'cover' | 'dominance' | 'effectiveTokens';
}

const shown = {
	cover: { label: 'Cover', unit: 'tokens' },
	dominance: { label: 'Part of the strongest token', unit: 'share' },
	effectiveTokens: { label: 'Effective number of tokens', unit: 'tokens' }
} as const;

/** Edges between patches whose strongest token differs, in patches. */
export function borders(
	strongest: Int32Array,
	{ rows, columns }: GridShape
): readonly (readonly [number, number, number, number])[] {
	const edges: [number, number, number, number][] = [];
	for (let row = 0; row < rows; row++)
		for (let column = 0; column < columns; column++) {
			const here = strongest[row * columns + column];
			if (column + 1 < columns && strongest[row * columns + column + 1] !== here)
				edges.push([column + 1, row, column + 1, row + 1]);
			if (row + 1 < rows && strongest[(row + 1) * columns + column] !== here)
				edges.push([column, row + 1, column + 1, row + 1]);
		}
	return edges;
}

export const coverageFigure: Figure<CoverageRows, CoverageOptions> = {
	id: 'coverage',
	title: 'Who covers this patch',
	readingAid:
		'Lines part the image among the visual tokens that see each patch most; dark patches are seen by few tokens, so what lies there can be lost.',
	method:
		'Every token spreads a share of 1 over the patches. Cover is the sum of all tokens’ shares on a patch (M/N when even); the strongest token is the one with the largest share there; the effective number of tokens is 2 to the power of the entropy of their parts.',
	ofPlaces: true,
	draw({ coverage, tokens, image }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const grid = gridOf(coverage.patches, coverage.grid);
		const size = Math.min(options.width, options.height ?? 560);
		const place = panel(0, 0, size, grid, image);
		const which = options.show ?? 'cover';
		const values = coverage[which];
		const scale = sequentialScale(which === 'dominance' ? 1 : largest(values), shown[which]);
		const lines = borders(coverage.strongest, grid)
			.map(([x1, y1, x2, y2]) => {
				const [from, to] = [place.at({ x: x1, y: y1 }), place.at({ x: x2, y: y2 })];
				return `M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}`;
			})
			.join('');
		const edge = { d: lines, fill: 'none', 'pointer-events': 'none', 'stroke-linecap': 'square' };
		const mark = frame(pen);
		const foot = place.box.height + 8;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, coverageFigure.title, [
			drawImage(pen, ink, place, image, options),
			drawPatches(pen, options, place, values, scale, image ? (options.opacity ?? 0.7) : 1),
			pen('path', { ...edge, stroke: '#000000', 'stroke-width': 2.5, 'stroke-opacity': 0.5 }),
			pen('path', { ...edge, stroke: '#ffffff', 'stroke-width': 1 }),
			mark,
			colourBar(pen, ink, scale, 0, foot, Math.min(240, size)),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(place.box, x, y);
				if (!at) return undefined;
				const patch = at.row * grid.columns + at.column;
				return { patch, token: coverage.strongest[patch]! };
			},
			show({ patch }) {
				const known = patch !== undefined && patch < coverage.patches;
				placeFrame(mark, known ? patchRect(place, patch) : undefined);
				note.write(
					known
						? `Patch ${patch}: cover ${number(coverage.cover[patch]!)} (even ${number(tokens / coverage.patches)}), ${percent(coverage.dominance[patch]!)} by token ${coverage.strongest[patch]}.`
						: ''
				);
			}
		});
		return svg;
	},
	table: ({ coverage }) => ({
		columns: [
			'patch',
			'cover (tokens)',
			'strongest token',
			'part of the strongest token',
			'effective number of tokens'
		],
		rows: Array.from(coverage.cover, (cover, n) => [
			n,
			exact(cover),
			coverage.strongest[n]!,
			exact(coverage.dominance[n]!),
			exact(coverage.effectiveTokens[n]!)
		])
	}),
	paper: ({ coverage }) =>
		matrixTable(coverage.cover, gridOf(coverage.patches, coverage.grid).columns, 'Cover (tokens)')
};

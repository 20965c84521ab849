import { gridOf } from '../analysis/grid.ts';
import type { StageStep } from '../analysis/stages.ts';
import { cellAt, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { drawPatches, outline, panel, patchRect } from './image-panel.ts';
import { link } from './interaction.ts';
import { inkOf, largest, sequentialScale } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';

export interface StageRows {
	readonly token: number;
	/** In the order of the network (`analysis/stages.ts`). */
	readonly steps: readonly StageStep[];
}

export const stageResponses: Figure<StageRows> = {
	id: 'stage-responses',
	title: 'How one token comes about, stage by stage',
	readingAid:
		'What the token’s place depends on after each stage, in reading order; the readout makes the token that the language model gets. In a C-Abstractor convolutions widen the spot, the squeeze-and-excite gates lay a faint veil over the whole image, and pooling takes the mean over the home cell.',
	method:
		'Response of every stage’s output to small perturbations of one patch at a time. Stages on the patch grid are taken as the root mean square over the cells of the token’s home. “Moved” is the part of the token’s shares that lies elsewhere than after the stage before (total variation distance).',
	ofPlaces: true,
	draw({ token, steps: all }, options) {
		const steps = all.filter(({ name }) => options.panels?.includes(name) ?? true);
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const gap = 12;
		const columns = Math.max(1, Math.min(steps.length, Math.floor((options.width + gap) / (130 + gap))));
		const size = Math.min(220, (options.width + gap) / columns - gap);
		const height = LINE + size + 3 * LINE + gap;
		const scale = sequentialScale(1, { label: 'Response, relative to the stage’s largest', unit: '' });
		const panels = steps.map(({ response, grid }, i) =>
			panel(
				(i % columns) * (size + gap),
				Math.floor(i / columns) * height + LINE,
				size,
				gridOf(response.length, grid)
			)
		);
		const small = { 'font-size': 11, fill: ink.soft };
		const parts = steps.flatMap(({ name, response, locality, moved }, i) => {
			const place = panels[i]!;
			const { x, y } = place.box;
			const top = largest(response) || 1;
			return [
				text(pen, x, y - 5, name),
				drawPatches(
					pen,
					options,
					place,
					response.map((value) => value / top),
					scale,
					1
				),
				...(locality.home ? [outline(pen, place, locality.home.cell)] : []),
				text(pen, x, y + size + 14, `${number(locality.effectivePatches)} effective patches`, small),
				text(
					pen,
					x,
					y + size + 14 + LINE,
					locality.home ? `inside home ${percent(locality.home.inside)}` : '',
					small
				),
				text(pen, x, y + size + 14 + 2 * LINE, Number.isNaN(moved) ? '' : `moved ${percent(moved)}`, small)
			];
		});
		const marks = panels.map(() => frame(pen));
		const foot = Math.ceil(steps.length / columns) * height;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(
			pen,
			options,
			foot + COLOUR_BAR_HEIGHT + LINE,
			`${stageResponses.title}: token ${token}`,
			[...parts, ...marks, colourBar(pen, ink, scale, 0, foot, Math.min(240, options.width)), note.element]
		);
		link(svg, options, {
			at(x, y) {
				for (const { box } of panels) {
					const at = cellAt(box, x, y);
					if (at) return { patch: at.row * box.columns + at.column };
				}
				return undefined;
			},
			show({ patch }) {
				marks.forEach((mark, i) => {
					const known = patch !== undefined && patch < steps[i]!.response.length;
					placeFrame(mark, known ? patchRect(panels[i]!, patch) : undefined);
				});
				note.write(
					patch === undefined
						? ''
						: `Patch ${patch}: ${steps.map(({ name, response }) => `${name} ${number(response[patch] ?? NaN)}`).join(', ')}.`
				);
			}
		});
		return svg;
	},
	panels: ({ steps }) => steps.map(({ name }) => ({ id: name, title: name })),
	table: ({ token, steps }) => ({
		columns: [
			'token',
			'stage',
			'spread (patches)',
			'effective patches',
			'inside home',
			'moved',
			'entropy (bits)'
		],
		rows: steps.map(({ name, locality, moved }) => [
			...[token, name, exact(locality.spread), exact(locality.effectivePatches)],
			...[exact(locality.home?.inside ?? NaN), exact(moved), exact(locality.entropy)]
		])
	}),
	paper: ({ steps }) =>
		pivoted(
			['Stage'],
			steps.flatMap(({ name, locality, moved }) =>
				(
					[
						['Spread (patches)', locality.spread],
						['Effective patches', locality.effectivePatches],
						['Inside home (share)', locality.home?.inside ?? NaN],
						['Moved (share)', moved],
						['Entropy (bits)', locality.entropy]
					] as const
				).flatMap(([column, value]) =>
					Number.isNaN(value) ? [] : [{ names: [name], column, cell: { value } }]
				)
			)
		)
};

import { dot, gridY, lineY, ruleX } from '@observablehq/plot';
import type { LearningRows } from '../analysis/training-rows.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { inkOf, projectorColours, projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { plotChart } from './plot-chart.ts';
import { readout } from './readout.ts';
import { stepRule } from './step-rule.ts';
import { LINE, penOf, root, round, text } from './svg.ts';
import { spread } from './sweep.ts';

const RIGHT = 140;
const BOTTOM = 40;
const TOP = 36;

const names = ({ lines }: LearningRows) => [...new Set(lines.map(({ name }) => name))];

/** The steps of points, ascending. */
const stepsOf = (points: readonly { readonly step: number }[]) =>
	[...new Set(points.map(({ step }) => step))].sort((a, b) => a - b);

/** Mean over the seeds at each step that all of them reached. */
function means(rows: LearningRows) {
	return names(rows).map((name) => {
		const own = rows.lines.filter((line) => line.name === name);
		const steps = own[0]!.points.map(({ step }) => step);
		return {
			name,
			points: steps.flatMap((step) => {
				const values = own.map(({ points }) => points.find((point) => point.step === step)?.value);
				return values.every((value) => value !== undefined)
					? [{ step, name, values, value: values.reduce((sum, value) => sum + value, 0) / values.length }]
					: [];
			})
		};
	});
}

export const learningCurves: Figure<LearningRows> = {
	id: 'learning-curves',
	title: 'Learning curves',
	readingAid:
		'A thin line for each seed, a thick one for their mean; left of the rule the projector learns alone, right of it the language model learns too.',
	method:
		'Asked while training, about held-out scenes that the final answers do not use: a scene’s questions in one pass, each blind to the others, greedy, an answer counting as right when it is exactly the truth.',
	draw(rows, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const { width, height = 300 } = options;
		const colours = projectorColours(names(rows), options.projectors);
		const colour = ({ name }: { readonly name: string }) => colours[name] ?? ink.ink;
		const seeds = rows.lines.flatMap(({ name, seed, points }) =>
			points.map((point) => ({ ...point, name, line: `${name} ${seed}` }))
		);
		const mean = means(rows);
		const single = mean.every(({ name }) => rows.lines.filter((line) => line.name === name).length < 2);
		const averages = mean.flatMap(({ points }) => points);
		const channels = { x: 'step', y: 'value', stroke: colour } as const;
		const chart = plotChart(options, {
			height,
			marginTop: TOP,
			marginLeft: 48,
			marginRight: RIGHT,
			marginBottom: BOTTOM,
			x: {
				label: 'Training step',
				labelAnchor: 'center',
				ticks: Math.max(3, Math.floor((width - 48 - RIGHT) / 70))
			},
			y: { label: rows.score, domain: [0, 100] },
			marks: [
				gridY({ stroke: ink.line, strokeOpacity: 1 }),
				ruleX([rows.tuning], { stroke: ink.soft, strokeDasharray: '2 3' }),
				...(single ? [] : [lineY(seeds, { ...channels, z: 'line', strokeWidth: 0.75, strokeOpacity: 0.6 })]),
				lineY(averages, { ...channels, z: 'name', strokeWidth: 2 }),
				dot(
					mean.flatMap(({ points }) => points.slice(-1)),
					{ x: 'step', y: 'value', fill: colour, r: 3 }
				)
			]
		});
		const x = (value: number) => chart.scale('x')?.apply(value) ?? 0;
		const y = (value: number) => chart.scale('y')?.apply(value) ?? 0;
		const ends = mean.flatMap(({ name, points }) => {
			const last = points.at(-1);
			return last ? [{ name, last }] : [];
		});
		const labels = spread(ends.map(({ last }) => y(last.value))).flatMap((at, i) => {
			const { name, last } = ends[i]!;
			return [
				pen('path', {
					d: `M${round(x(last.step) + 5)} ${round(y(last.value))}L${width - RIGHT + 12} ${round(at)}`,
					...{ fill: 'none', stroke: ink.line }
				}),
				pen('circle', { cx: width - RIGHT + 16, cy: at, r: 3, fill: colour({ name }) }),
				text(pen, width - RIGHT + 24, at + 4, projectorTitle(name, options.projectors))
			];
		});
		const stages = [
			text(pen, x(rows.tuning) - 5, TOP - 8, 'alignment', {
				...{ 'text-anchor': 'end', 'font-size': 11, fill: ink.soft }
			}),
			text(pen, x(rows.tuning) + 5, TOP - 8, 'tuning', { 'font-size': 11, fill: ink.soft })
		];
		const note = readout(pen, ink, 0, height + LINE - 4);
		const rule = stepRule(pen, ink, TOP, height - BOTTOM);
		const svg = root(pen, options, height + LINE, learningCurves.title, [
			...[rule.element, chart, ...stages, ...labels, note.element]
		]);
		const steps = stepsOf(averages);
		rule.follow(svg, options, steps.map(x), (step) => {
			const at = step === undefined ? undefined : steps[step];
			note.write(
				at === undefined
					? ''
					: `Step ${at}: ${averages
							.filter((point) => point.step === at)
							.map(
								({ name, value, values }) =>
									`${projectorTitle(name, options.projectors)} ${number(value)}${values.length > 1 ? ` (${values.map((one) => number(one)).join(', ')})` : ''}`
							)
							.join('; ')}.`
			);
		});
		return svg;
	},
	table: ({ lines, tuning, score }) => ({
		columns: ['run', 'seed', 'stage', 'step', score],
		rows: lines.flatMap(({ name, seed, points }) =>
			points.map(({ step, value }) => [
				...[name, seed, step <= tuning ? 'align' : 'tune', step, exact(value)]
			])
		)
	}),
	/** Where alignment ends, where half of tuning is over, and the end. */
	paper(rows, styles) {
		const steps = stepsOf(rows.lines.flatMap(({ points }) => points));
		const last = steps.at(-1) ?? 0;
		const told = [rows.tuning, (rows.tuning + last) / 2, last].map(
			(wanted) => steps.findLast((step) => step <= wanted) ?? steps[0]!
		);
		return pivoted(
			['Run', 'Seed'],
			rows.lines.flatMap(({ name, seed, points }) =>
				points
					.filter(({ step }) => told.includes(step))
					.map(({ step, value }) => ({
						names: [projectorTitle(name, styles), seed],
						column: `${rows.score}, step ${step}`,
						cell: { value }
					}))
			),
			() => 'more'
		);
	}
};

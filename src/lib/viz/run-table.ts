import { scaleLinear } from 'd3';
import type { RunRow, RunTableRows } from '../analysis/run-rows.ts';
import type { Figure, FigureOptions } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { inkOf, projectorColours, projectorTitle } from './palette.ts';
import { readout } from './readout.ts';
import { rules } from './rules.ts';
import { LINE, penOf, root, round, text } from './svg.ts';
import { clipped } from './type.ts';

const ROW = 20;
/** Benchmarks with runs that have a score, in the order of the runs. */
function grouped({ runs }: RunTableRows, { panels }: Pick<FigureOptions, 'panels'>) {
	return [...Map.groupBy(runs, ({ benchmark }) => benchmark)].flatMap(([benchmark, all]) => {
		const scored = all.filter(({ score }) => score !== undefined);
		return scored.length > 0 && (panels?.includes(benchmark) ?? true) ? [{ benchmark, scored }] : [];
	});
}

const interval = ({ low, high }: RunRow) =>
	low === undefined || high === undefined ? '' : ` [${number(low)}, ${number(high)}]`;

export const runTable: Figure<RunTableRows> = {
	id: 'run-table',
	title: 'Runs and their scores',
	readingAid: 'One row for each run, by benchmark: its headline score with the 95 % interval.',
	method:
		'The benchmark’s own headline score of every run, with the interval over its answers. Runs of one benchmark share an axis; n is the number of answers, and runs with different n were asked different parts of the data. Hollow: imported.',
	draw(rows, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const colours = projectorColours(rows.projectors, options.projectors);
		const groups = grouped(rows, options);
		const left = Math.min(240, options.width * 0.42);
		const right = options.width - 74;
		const soft = { 'font-size': 11, fill: ink.soft };
		const band = pen('rect', {
			...{ x: 0, width: options.width, height: ROW, fill: ink.line, opacity: 0.35 },
			...{ class: 'frame', visibility: 'hidden' }
		});
		const parts: SVGElement[] = [];
		const places: { readonly run: RunRow; readonly y: number }[] = [];
		let y = 0;
		for (const { benchmark, scored } of groups) {
			const { name, unit } = scored[0]!.score!;
			const head = `${benchmark}, ${name}${unit === 'points' ? '' : ` (${unit})`}`;
			parts.push(text(pen, 0, y + 13, head, { 'font-weight': 600 }));
			y += LINE + 4;
			const ends = scored.flatMap(({ score, low = score!.value, high = score!.value }) => [low, high]);
			const [low, high] = [Math.min(...ends), Math.max(...ends)];
			const room = (high - low || Math.abs(high) || 1) * 0.06;
			const x = scaleLinear([low - room, high + room], [left, right]);
			const bottom = y + scored.length * ROW;
			parts.push(
				...rules(pen, ink, x, { top: y, bottom, most: Math.max(2, Math.floor((right - left) / 60)) })
			);
			for (const run of scored) {
				const middle = y + ROW / 2;
				const colour = colours[run.kind] ?? ink.soft;
				const { value } = run.score!;
				if (run.low !== undefined && run.high !== undefined)
					parts.push(
						pen('path', {
							d: `M${round(x(run.low))} ${round(middle)}H${round(x(run.high))}`,
							...{ stroke: colour, 'stroke-width': 1.5 }
						})
					);
				parts.push(
					text(pen, left - 10, middle + 4, clipped(run.name, left - 10), { 'text-anchor': 'end' }),
					pen('circle', {
						...{ cx: x(value), cy: middle, r: 3.5, stroke: colour, 'stroke-width': 1.5 },
						fill: run.origin === 'measured' ? colour : ink.paper
					}),
					text(pen, right + 8, middle + 4, `n\u00A0${run.n}`, soft)
				);
				places.push({ run, y });
				y += ROW;
			}
			y += LINE + 12;
		}
		const notes = [0, 1].map((i) => readout(pen, ink, 0, y + (i + 1) * LINE - 4));
		const svg = root(pen, options, y + 2 * LINE, runTable.title, [
			band,
			...parts,
			...notes.map(({ element }) => element)
		]);
		const rowOf = (run: RunRow) => rows.runs.indexOf(run);
		link(svg, options, {
			at(_, py) {
				const found = places.find((place) => py >= place.y && py < place.y + ROW);
				return found && { row: rowOf(found.run) };
			},
			show({ row }) {
				const place = row === undefined ? undefined : places.find(({ run }) => rowOf(run) === row);
				band.setAttribute('visibility', place ? 'visible' : 'hidden');
				if (place) band.setAttribute('y', `${place.y}`);
				const run = place?.run;
				notes[0]!.write(
					run?.score
						? `${run.name}: ${number(run.score.value)}${interval(run)}, n = ${run.n}${run.model ? `, ${run.model}` : ''}${run.date ? `, ${run.date}` : ''}.`
						: ''
				);
				notes[1]!.write(
					run ? [run.tags.join(', '), run.notes].filter((words) => words !== '').join(' · ') : ''
				);
			},
			move(key, { row = -1, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined || places.length === 0) return undefined;
				const now = places.findIndex(({ run }) => rowOf(run) === row);
				const next = places[Math.min(places.length - 1, Math.max(0, now + step))]!;
				return { ...rest, row: rowOf(next.run) };
			}
		});
		return svg;
	},
	panels: (rows) => grouped(rows, {}).map(({ benchmark }) => ({ id: benchmark, title: benchmark })),
	table: ({ runs }) => ({
		columns: [
			...['name', 'model', 'projector', 'M', 'benchmark', 'score', 'unit', 'value', 'low', 'high', 'n'],
			...['date', 'origin', 'tags', 'notes']
		],
		rows: runs.map(({ score, low = NaN, high = NaN, ...run }) => [
			...[run.name, run.model, run.projector, run.tokens ?? NaN, run.benchmark],
			...[score?.name ?? '', score?.unit ?? '', exact(score?.value ?? NaN), exact(low), exact(high), run.n],
			...[run.date, run.origin, run.tags.join(', '), run.notes]
		])
	}),
	paper: ({ runs }, styles) => ({
		heads: ['Run', 'Model', 'Projector', 'M', 'Benchmark', 'n'],
		columns: [{ name: 'Score' }],
		rows: runs.map(({ name, model, projector, tokens, benchmark, n, score, low, high }) => ({
			names: [name, model, projectorTitle(projector, styles), tokens ?? '', benchmark, n],
			cells: [score && { value: score.value, low, high }]
		}))
	})
};

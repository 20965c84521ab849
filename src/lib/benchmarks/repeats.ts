import { answerNotes, countAnswers } from './answers.ts';
import type { Benchmark, Outcome, Report, Result, Score, Table, Unit } from './benchmark.ts';

/**
 * Scores results; where questions were asked several times (`Result.repeats`), every answer counts: scores, credits and units are means
 * over the repeats, beside them their standard deviation and pass@k.
 *
 * A question with fewer answers than others has its answers counted again in turn.
 */
export function scoreRepeats(benchmark: Benchmark, results: readonly Result[]): Report {
	const asked = results.map(({ pred, repeats = [] }) => [pred, ...repeats]);
	const times = Math.max(1, ...asked.map(({ length }) => length));
	if (times === 1) return benchmark.score(results);
	const reports = Array.from({ length: times }, (_, at) =>
		benchmark.score(results.map(({ id, data }, i) => ({ id, data, pred: asked[i]![at % asked[i]!.length]! })))
	);
	const [first] = reports as [Report, ...Report[]];
	const outcomes = mergedOutcomes(reports);
	const scores = meanScores(reports);
	const [headline] = scores;
	const passes = passAt(outcomes, times);
	const deviation = headline && deviationOf(reports.map((report) => scoreOf(report, headline.name)));
	return {
		...first,
		scores: headline
			? [
					...scores,
					{ name: `${headline.name}, standard deviation`, value: deviation!, unit: headline.unit },
					{ name: `pass@${times}`, value: passes.at(-1)!, unit: '%' }
				]
			: [],
		tables: [...meanTables(reports), ...repeatTables(reports, scores, passes)],
		outcomes,
		units: mergedUnits(reports),
		notes: [
			...repeatNotes(asked, times),
			...answerNotes(outcomes),
			...drawnNotes(outcomes),
			// What is said of some repeats only are counts, which stand above for all of them.
			...first.notes.filter((note) => reports.every(({ notes }) => notes.includes(note)))
		]
	};
}

function repeatNotes(asked: readonly (readonly string[])[], times: number): string[] {
	const fewer = asked.filter(({ length }) => length < times).length;
	return [
		`Each question was asked ${times} times (repeats): scores are means over the repeats, with the standard deviation between them; pass@${times} is the share of questions that at least one of ${times} answers gets right. Intervals are of questions. Files for judges hold the first answers.`,
		...(fewer > 0
			? [
					`${fewer} of ${asked.length} questions ${fewer === 1 ? 'has' : 'have'} fewer than ${times} answers; theirs are counted again in turn.`
				]
			: [])
	];
}

function drawnNotes(outcomes: readonly Outcome[]): string[] {
	const { drawn, of } = countAnswers(outcomes);
	return drawn === 0 ? [] : [`${drawn} of ${of} answers could not be understood and were drawn at random.`];
}

/** Outcomes of one question in the order of the repeats. */
function mergedOutcomes(reports: readonly Report[]): Outcome[] {
	return reports[0]!.outcomes.map((outcome, i): Outcome => {
		const repeats = reports.map(({ outcomes }) => outcomes[i]!);
		return { ...outcome, repeats, credit: mean(repeats.map(({ credit }) => credit)) };
	});
}

/** Units of one question in the order of the repeats. */
const mergedUnits = (reports: readonly Report[]): Unit[] =>
	reports[0]!.units.map((unit, i) => ({
		...unit,
		sum: mean(reports.map(({ units }) => units[i]!.sum))
	}));

const LENIENT = ', lenient';

/** A lenient reading is not there where it would not differ from the strict one. */
function scoreOf({ scores }: Report, name: string): number {
	const found = scores.find((score) => score.name === name);
	return found?.value ?? (name.endsWith(LENIENT) ? (scores[0]?.value ?? NaN) : NaN);
}

function meanScores(reports: readonly Report[]): Score[] {
	const all = new Map(reports.flatMap(({ scores }) => scores).map((score) => [score.name, score]));
	return [...all.values()].map((score) => ({
		...score,
		value: mean(reports.map((report) => scoreOf(report, score.name)))
	}));
}

/** The tables, each number the mean of the repeats; rows are told by their first cell. */
function meanTables(reports: readonly Report[]): Table[] {
	return reports[0]!.tables.map((table, t) => ({
		...table,
		title: `${table.title}, mean of ${reports.length} repeats`,
		rows: table.rows.map((row) => {
			const alike = reports.flatMap(
				({ tables }) => tables[t]?.rows.filter(([name]) => name === row[0]) ?? []
			);
			return row.map((cell, c) =>
				typeof cell === 'number' ? mean(alike.map((one) => Number(one[c]))) : cell
			);
		})
	}));
}

function repeatTables(
	reports: readonly Report[],
	scores: readonly Score[],
	passes: readonly number[]
): Table[] {
	if (scores.length === 0) return [];
	const values = scores.map(({ name }) => reports.map((report) => scoreOf(report, name)));
	return [
		{
			title: 'Repeats',
			columns: ['Repeat', ...scores.map(({ name }) => name)],
			rows: [
				...reports.map((_, r) => [String(r + 1), ...values.map((of) => of[r]!)]),
				['mean', ...values.map(mean)],
				['standard deviation', ...values.map(deviationOf)]
			]
		},
		{
			title: 'Right in at least one of k answers',
			columns: ['k', 'pass@k (%)'],
			rows: passes.map((value, k) => [String(k + 1), value])
		}
	];
}

/**
 * pass@k for k from 1 to `times` in percent, unbiased (Chen et al. 2021, arXiv 2107.03374): the share of draws of k of the answers to a
 * question in which at least one is right, mean over questions. Answers drawn at random are not right.
 */
function passAt(outcomes: readonly Outcome[], times: number): number[] {
	const right = outcomes.map(
		({ repeats = [] }) => repeats.filter(({ credit, drawn }) => credit === 1 && !drawn).length
	);
	return Array.from({ length: times }, (_, at) => {
		const failed = right.map((c) => {
			// C(n − c, k) / C(n, k)
			let share = 1;
			for (let i = 0; i <= at; i++) share *= Math.max(0, times - c - i) / (times - i);
			return share;
		});
		return 100 * (1 - mean(failed));
	});
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample, with n − 1. */
function deviationOf(values: readonly number[]): number {
	const centre = mean(values);
	return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

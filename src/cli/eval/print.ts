import { countWords, isAlarming } from '../../lib/benchmarks/answers.ts';
import { alarmingCategories } from '../../lib/benchmarks/breakdown.ts';
import type { Score, Table } from '../../lib/benchmarks/benchmark.ts';
import type { RunProgress } from '../../lib/study/run.ts';
import type { RunReport } from '../../lib/benchmarks/run/report.ts';

/** A report as text: tables, headline score with interval, notes. */
export function printReport(title: string, report: RunReport): string {
	const { projector, tokens } = report.manifest.identity;
	const [headline] = report.scores;
	const { counts } = report;
	const counted = countWords(counts);
	return [
		`${title}, ${projector}, ${tokens} visual tokens, ${report.answers} answers`,
		...report.tables.map(formatTable),
		...(headline ? [headlineLine(headline, report.interval)] : []),
		...(counted === '' ? [] : [`${isAlarming(counts) ? 'Warning: ' : ''}${counted}`]),
		...alarmingCategories({ ...report, files: [] }).map(
			({ category, counts }) => `Warning: ${category}: ${countWords(counts)}`
		),
		...report.notes.map((note) => `Note: ${note}`),
		...report.files.map((file) => `Written: ${file}`),
		''
	].join('\n');
}

function headlineLine({ name, value, unit }: Score, interval: RunReport['interval']): string {
	const range = interval ? ` (95 % interval ${interval.low.toFixed(2)} to ${interval.high.toFixed(2)})` : '';
	return `${name}: ${value.toFixed(2)}${unit === '%' ? ' %' : unit === 'points' ? ' points' : ''}${range}`;
}

function formatTable({ columns, rows }: Table): string {
	const cells = [columns, ...rows.map((row) => row.map(format))];
	const widths = columns.map((_, c) => Math.max(...cells.map((row) => (row[c] ?? '').length)));
	return cells
		.map((row) =>
			row
				.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
				.join('  ')
				.trimEnd()
		)
		.join('\n');
}

const format = (value: string | number) =>
	typeof value === 'string' || Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 3 : 2);

/** E.g. "120 of 2374, 3.1 per second, 12 min left". */
export function progressLine({ done, total, rate, seconds_left }: RunProgress): string {
	const left = seconds_left === undefined ? '' : `, ${duration(seconds_left)} left`;
	return `${done} of ${total}${rate > 0 ? `, ${rate.toFixed(rate < 10 ? 1 : 0)} per second` : ''}${left}`;
}

function duration(seconds: number): string {
	if (seconds < 90) return `${Math.ceil(seconds)} s`;
	const minutes = Math.ceil(seconds / 60);
	return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { headlineInterval } from '../../../src/lib/benchmarks/interval.ts';
import { readXlsx } from '../../../src/lib/benchmarks/formats/xlsx.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { decodePng } from '../../../src/lib/model/image/png.ts';
import type { Report } from '../../../src/lib/benchmarks/benchmark.ts';
import { examplesOf, type Files } from './support.ts';

const root = fileURLToPath(new URL('../../fixtures/benchmarks/', import.meta.url));
const json = <T>(name: string) => JSON.parse(readFileSync(join(root, name), 'utf8')) as T;
const predictions = json<Record<string, readonly string[]>>('predictions.json');
const expected = json<{
	readonly mme: Record<string, number & readonly number[]>;
	readonly mmbench: Record<string, readonly [questions: number, right: number]>;
	readonly seed: Record<string, readonly [right: number, answers: number]>;
	readonly pope: Record<string, readonly number[]>;
	readonly sqa: Record<string, readonly [right: number, answers: number]>;
	readonly mmmu: Record<string, readonly [right: number, answers: number]>;
}>('expected.json');

function filesOf(name: string): Files {
	const folder = join(root, 'data', name);
	return Object.fromEntries(
		readdirSync(folder, { recursive: true, withFileTypes: true })
			.filter((entry) => entry.isFile())
			.map((entry) => {
				const path = join(entry.parentPath, entry.name);
				return [path.slice(folder.length + 1).replaceAll('\\', '/'), new Uint8Array(readFileSync(path))];
			})
	);
}

/** Answers of the fixture to the examples that the benchmark reads from it, scored. */
async function scored(name: string): Promise<Report> {
	const benchmark = findBenchmark(name);
	const examples = await examplesOf(benchmark, filesOf(name));
	expect(examples.map(({ id }) => id)).toEqual(predictions[name]!.map((_, i) => i));
	for (const { images } of examples)
		for (const image of images)
			expect(await decodePng(await image.read(), image.name)).toMatchObject({ width: 4, height: 4 });
	return benchmark.score(examples.map(({ id, data }) => ({ id, data, pred: predictions[name]![id]! })));
}

const rowsOf = ({ tables }: Report) =>
	new Map(tables[0]!.rows.map(([name, ...values]) => [String(name), values.map(Number)]));

/** The headline follows from the units that are resampled for its interval. */
function expectUnits(report: Report): void {
	const { value, low, high } = headlineInterval(report)!;
	expect(value).toBeCloseTo(report.scores[0]!.value, 6);
	expect(low).toBeLessThanOrEqual(value);
	expect(high).toBeGreaterThanOrEqual(value);
	expect(report.units.flatMap(({ ids }) => ids).length).toBe(report.outcomes.length);
}

describe('scores of official files that a Python script gives, too', () => {
	it('MME', async () => {
		const report = await scored('mme');
		const { perception, cognition, total, ...subtasks } = expected.mme;
		const scores = Object.fromEntries(report.scores.map(({ name, value }) => [name, value]));
		expect(scores['perception']).toBeCloseTo(perception!, 9);
		expect(scores['cognition']).toBeCloseTo(cognition!, 9);
		expect(scores['total']).toBeCloseTo(total!, 9);
		const rows = rowsOf(report);
		for (const [subtask, values] of Object.entries(subtasks)) {
			const row = rows.get(`Perception/${subtask}`) ?? rows.get(`Cognition/${subtask}`)!;
			values.forEach((value, i) => expect(row[i], `${subtask} ${i}`).toBeCloseTo(value, 9));
		}
		expect(report.notes.some((note) => note.includes('existence'))).toBe(true);
		for (const { content } of report.files)
			for (const line of String(content).split('\n')) expect(line.split('\t').length).toBe(4);
		expectUnits(report);
	});

	it('MMBench, and its submission', async () => {
		const report = await scored('mmbench');
		const rows = rowsOf(report);
		expect([...rows.keys()].sort()).toEqual(Object.keys(expected.mmbench).sort());
		for (const [name, [questions, right]] of Object.entries(expected.mmbench))
			expect(rows.get(name)!.slice(0, 2), name).toEqual([questions, right]);
		expect(report.outcomes.some(({ drawn }) => drawn)).toBe(true);
		expectUnits(report);
		const [file] = report.files;
		const sheet = await readXlsx(file!.content as Uint8Array, file!.path);
		expect(sheet.length).toBe(report.outcomes.length);
		expect(sheet[0]).toMatchObject({
			index: '0',
			question: 'What is\tshown "here"?\nNumber 0',
			A: 'a red cat'
		});
	});

	it('SEED', async () => {
		const report = await scored('seed');
		for (const [name, values] of Object.entries(expected.seed))
			expect(rowsOf(report).get(name)!.slice(1), name).toEqual(values);
		expectUnits(report);
	});

	it('POPE', async () => {
		const report = await scored('pope');
		for (const [category, values] of Object.entries(expected.pope))
			rowsOf(report)
				.get(category)!
				.forEach((value, i) => expect(value, `${category} ${i}`).toBeCloseTo(values[i]!, 9));
		expectUnits(report);
	});

	it('ScienceQA', async () => {
		const report = await scored('sqa');
		for (const [kind, values] of Object.entries(expected.sqa))
			expect(rowsOf(report).get(kind)!.slice(1), kind).toEqual(values);
		expect(report.outcomes.some(({ drawn }) => drawn)).toBe(true);
		expectUnits(report);
	});

	it('MMMU from parquet', async () => {
		const report = await scored('mmmu');
		for (const [subject, values] of Object.entries(expected.mmmu))
			expect(rowsOf(report).get(subject)!.slice(1), subject).toEqual(values);
		expect(report.outcomes.some(({ drawn }) => drawn)).toBe(true);
		expectUnits(report);
	});
});

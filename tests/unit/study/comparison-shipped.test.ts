import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readComparison, type Compared } from '../../../src/lib/study/comparison-file.ts';

/** A run's record (`training/convergence/run.py`). */
interface RunRecord {
	readonly id: string;
	readonly run: {
		readonly projector: string;
		readonly tokens: number;
		readonly seed: number;
		readonly part: string;
		readonly variant: string;
	};
	/** By task: 1 right, 0 wrong, - not asked; by held-out scene. */
	readonly right: Readonly<Record<string, string>>;
	readonly curve: unknown;
}

const results = 'training/convergence/results';
const records = readdirSync(results)
	.filter((name) => name.endsWith('.json'))
	.map((name) => JSON.parse(readFileSync(join(results, name), 'utf8')) as RunRecord);
const comparison = readComparison(
	readFileSync('static/models/honeybee-mini/comparison.json', 'utf8'),
	'comparison.json'
);
const tasks = Object.keys(records[0]!.right).sort();

/** Answers as numbers by seed, task and scene; NaN: not asked. */
type Answers = readonly (readonly Float64Array[])[];

function answersOf(runs: readonly RunRecord[]): Answers {
	return runs.map(({ right }) =>
		tasks.map((task) => Float64Array.from(right[task]!, (c) => (c === '-' ? NaN : Number(c))))
	);
}

/** Mean over asked answers of each task, then their mean, of chosen seeds and scenes. */
function accuracies(answers: Answers, seeds: readonly number[], scenes: Int32Array | undefined): number[] {
	const per = tasks.map((_, t) => {
		let [sum, count] = [0, 0];
		for (const s of seeds) {
			const row = answers[s]![t]!;
			for (let i = 0; i < row.length; i++) {
				const value = row[scenes ? scenes[i]! : i]!;
				if (Number.isNaN(value)) continue;
				sum += value;
				count++;
			}
		}
		return sum / count;
	});
	return [...per, per.reduce((a, b) => a + b, 0) / per.length];
}

/** mulberry32 */
function random(seed: number): () => number {
	let a = seed;
	return () => {
		a = (a + 0x6d2b79f5) | 0;
		let t = Math.imul(a ^ (a >>> 15), 1 | a);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

function quantile(sorted: readonly number[], at: number): number {
	const place = at * (sorted.length - 1);
	const below = Math.floor(place);
	const above = Math.min(below + 1, sorted.length - 1);
	return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

const DRAWS = 1500;

/** 95 % intervals of each task and the mean by group, and of each difference: seeds, then scenes, the same for all groups. */
function intervals(groups: ReadonlyMap<string, Answers>) {
	const next = random(7);
	const pick = (n: number) => Int32Array.from({ length: n }, () => Math.floor(next() * n));
	const names = [...groups.keys()];
	const seeds = [...groups.values()][0]!.length;
	const scenes = [...groups.values()][0]![0]![0]!.length;
	const drawn = Array.from({ length: DRAWS }, () => {
		const [s, c] = [[...pick(seeds)], pick(scenes)];
		return names.map((name) => accuracies(groups.get(name)!, s, c));
	});
	const of = (value: (draw: readonly number[][]) => number): [number, number] => {
		const sorted = drawn.map(value).sort((a, b) => a - b);
		return [quantile(sorted, 0.025), quantile(sorted, 0.975)];
	};
	return { names, of };
}

/** Two resamplings of one quantity: their ends agree within a fifth of the interval. */
function agree(given: readonly [number, number], own: readonly [number, number], of: string) {
	const room = 0.2 * (own[1] - own[0]) + 0.001;
	for (const end of [0, 1] as const)
		expect(Math.abs(given[end] - own[end]), `${of}, end ${end}`).toBeLessThan(room);
}

function check(compared: Compared, runsOf: (group: string, seed: number) => RunRecord) {
	const groups = new Map(
		Object.keys(compared.accuracy).map((name) => [
			name,
			answersOf(compared.seeds.map((seed) => runsOf(name, seed)))
		])
	);
	const { names, of } = intervals(groups);
	const columns = [...tasks, 'mean'];
	names.forEach((name, g) => {
		const all = accuracies(groups.get(name)!, [...compared.seeds.keys()], undefined);
		columns.forEach((task, t) => {
			const given = compared.accuracy[name]![task]!;
			expect(given.mean, `${name} ${task}`).toBeCloseTo(all[t]!, 3);
			given.seeds.forEach((value, s) =>
				expect(value).toBeCloseTo(accuracies(groups.get(name)!, [s], undefined)[t]!, 3)
			);
			agree(
				given.interval,
				of((draw) => draw[g]![t]!),
				`${name} ${task}`
			);
		});
	});
	for (const [pair, byTask] of Object.entries(compared.difference)) {
		const [a, b] = pair.split(' - ').map((name) => names.indexOf(name)) as [number, number];
		columns.forEach((task, t) =>
			agree(
				byTask[task]!.interval,
				of((draw) => draw[a]![t]! - draw[b]![t]!),
				`${pair} ${task}`
			)
		);
	}
}

describe('the comparison that is shipped', () => {
	it('holds every run that has a record, with its accuracy and curve', () => {
		expect(comparison.runs.map(({ id }) => id).sort()).toEqual(records.map(({ id }) => id).sort());
		for (const run of comparison.runs) {
			const record = records.find(({ id }) => id === run.id)!;
			expect(run.curve).toEqual(record.curve);
			const [own] = [accuracies(answersOf([record]), [0], undefined)];
			tasks.forEach((task, t) => expect(run.accuracy[task], `${run.id} ${task}`).toBeCloseTo(own[t]!, 3));
		}
	});

	it.each(Object.entries(comparison.tokens))(
		'has the means and intervals that its records give, at M = %s',
		(m, compared) => {
			check(compared, (projector, seed) =>
				records.find(
					({ run }) =>
						(run.part === 'projectors' || run.part === 'tokens') &&
						run.projector === projector &&
						run.tokens === Number(m) &&
						run.seed === seed
				)!
			);
		},
		120_000
	);

	it('has those of the data recipe', { timeout: 120_000 }, () => {
		check(comparison.recipe!, (variant, seed) =>
			records.find(({ run }) => run.part === 'recipe' && run.variant === variant && run.seed === seed)!
		);
	});

	const { longer } = comparison;
	// There once such runs have records.
	if (longer)
		it('has those of the runs tuned for longer', { timeout: 120_000 }, () => {
			check(longer, (projector, seed) =>
				records.find(({ run }) => run.part === 'longer' && run.projector === projector && run.seed === seed)!
			);
		});
});

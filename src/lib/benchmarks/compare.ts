import { seededRandom } from '../bytes/random.ts';
import { mcnemar, quantiles, type Estimate, type McNemar } from '../analysis/statistics.ts';
import type { Benchmark, Outcome, Report, Result } from './benchmark.ts';

/** a − b on the examples that both answered. */
export interface PairedDifference extends Estimate {
	/** Two-sided bootstrap p: twice the smaller share of resamples on one side of 0, at least 1/(resamples + 1). */
	readonly p: number;
	/** Right answers that only one of the two has; of answers with full credit. */
	readonly mcnemar: McNemar;
	/** Examples in common. */
	readonly examples: number;
}

/** A report whose outcomes say which question they answer. @param results that were scored */
export function identified(benchmark: Benchmark, report: Report, results: readonly Result[]): Report {
	const questions = new Map(
		results.map(({ id, data }) => [
			id,
			benchmark.identity?.(data) ?? JSON.stringify([id, data['answer'] ?? null])
		])
	);
	const outcomes = report.outcomes.map((outcome) => ({
		...outcome,
		question: questions.get(outcome.id) ?? questionOf(outcome)
	}));
	return { ...report, outcomes };
}

const questionOf = ({ question, id }: Outcome) => question ?? String(id);

/**
 * Answers of two reports to the same questions, whatever their rows are. A question that several examples ask (POPE's samplings share
 * some) is paired within its category where both have it there; where it stands more often in one report, nobody can tell which is which.
 */
export function paired(a: Report, b: Report, category?: string): [Outcome, Outcome][] {
	const mine = Map.groupBy(a.outcomes, questionOf);
	const others = Map.groupBy(b.outcomes, questionOf);
	return a.outcomes.flatMap((outcome): [Outcome, Outcome][] => {
		if (category !== undefined && !outcome.categories.includes(category)) return [];
		const alike = (of: readonly Outcome[] = []) =>
			of.filter(({ categories }) => String(categories) === String(outcome.categories));
		const question = questionOf(outcome);
		let left: readonly Outcome[] = alike(mine.get(question));
		let right: readonly Outcome[] = alike(others.get(question));
		if (right.length === 0) [left, right] = [mine.get(question) ?? [], others.get(question) ?? []];
		const match = left.length === right.length ? right[left.indexOf(outcome)] : undefined;
		return match ? [[outcome, match]] : [];
	});
}

/**
 * Difference of two models in percent of credit, on the examples that both answered. What varies together (the questions about an image,
 * the rotations of an option list) is resampled whole; p is two-sided, from the bootstrap.
 *
 * @returns undefined when they have no examples in common
 */
export function pairedDifference(
	a: Report,
	b: Report,
	options: { readonly category?: string; readonly resamples?: number; readonly seed?: number } = {}
): PairedDifference | undefined {
	const pairs = paired(a, b, options.category);
	if (pairs.length === 0) return undefined;
	const { resamples = 1000, seed = 1 } = options;
	const unitOf = new Map(a.units.flatMap((unit, i) => unit.ids.map((id) => [id, `unit ${i}`] as const)));
	const groups = Map.groupBy(pairs, ([{ id }]) => unitOf.get(id) ?? `example ${id}`);
	const units = [...groups.values()].map((group) => ({
		sum: group.reduce((sum, [left, right]) => sum + 100 * (left.credit - right.credit), 0),
		count: group.length
	}));
	const ratio = (sum: number, count: number) => sum / count;
	const value = ratio(
		units.reduce((sum, unit) => sum + unit.sum, 0),
		pairs.length
	);
	const random = seededRandom(seed);
	const drawn = Float64Array.from({ length: resamples }, () => {
		let sum = 0;
		let count = 0;
		for (let i = 0; i < units.length; i++) {
			const unit = units[Math.floor(random() * units.length)]!;
			sum += unit.sum;
			count += unit.count;
		}
		return ratio(sum, count);
	});
	const [low, high] = quantiles(drawn, [0.025, 0.975]);
	const side = Math.min(drawn.filter((draw) => draw <= 0).length, drawn.filter((draw) => draw >= 0).length);
	return {
		...{ value, low: low!, high: high!, level: 0.95, n: units.length, examples: pairs.length },
		p: Math.min(1, (2 * (side + 1)) / (resamples + 1)),
		mcnemar: mcnemar(
			pairs.map(([left]) => left.credit === 1),
			pairs.map(([, right]) => right.credit === 1)
		)
	};
}

import { pairedShares } from '../analysis/shares.ts';
import { mcnemar, signFlip, type Estimate, type McNemar } from '../analysis/statistics.ts';
import type { Benchmark, Outcome, Report, Result } from './benchmark.ts';

/** a − b on the examples that both answered. */
export interface PairedDifference extends Estimate {
	/** Two-sided p of changing the sides of what varies together (`signFlip`). */
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
 * the rotations of an option list) counts as one in interval and p.
 *
 * @returns undefined when they have no examples in common
 */
export function pairedDifference(a: Report, b: Report, category?: string): PairedDifference | undefined {
	const pairs = paired(a, b, category);
	if (pairs.length === 0) return undefined;
	const unitOf = new Map(a.units.flatMap((unit, i) => unit.ids.map((id) => [id, `unit ${i}`] as const)));
	const groups = Map.groupBy(pairs, ([{ id }]) => unitOf.get(id) ?? `example ${id}`);
	const units = [...groups.values()].map((group) => {
		const differences = group.map(([left, right]) => left.credit - right.credit);
		const sum = (of: readonly number[]) => of.reduce((total, one) => total + one, 0);
		return {
			onlyA: sum(differences.map((difference) => Math.max(0, difference))),
			onlyB: sum(differences.map((difference) => Math.max(0, -difference))),
			count: group.length
		};
	});
	const { value, low, high, n } = pairedShares(units);
	return {
		...{ value: 100 * value, low: 100 * low, high: 100 * high, level: 0.95, n, examples: pairs.length },
		p: signFlip(units.map(({ onlyA, onlyB }) => onlyA - onlyB)),
		mcnemar: mcnemar(
			pairs.map(([left]) => left.credit === 1),
			pairs.map(([, right]) => right.credit === 1)
		)
	};
}

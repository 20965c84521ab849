import type { Data } from '$lib/benchmarks/benchmark.ts';
import type { ScoredRun } from '$lib/benchmarks/run/scored.ts';
import { sceneFacts } from '$lib/benchmarks/scene-facts.ts';
import { shortTitle } from '$lib/study/breakdown.ts';
import type { Kinds } from '$lib/study/run-scores.ts';

/** One example as the runs answered it. */
export interface AskedExample {
	readonly id: number;
	readonly data: Data;
	readonly question: string;
	/** What is right; '' where only a judge can say. */
	readonly truth: string;
	readonly categories: readonly string[];
	readonly answers: readonly {
		readonly run: string;
		readonly pred: string;
		readonly credit: number | undefined;
	}[];
}

export type Shown = 'wrong' | 'right' | 'differ' | 'all';
export type Grouping = 'category' | 'size' | 'cell' | 'objects' | 'locality';

export const groupings: Readonly<Record<Grouping, string>> = {
	category: 'category',
	size: 'size of the object',
	cell: 'position of the object',
	objects: 'objects in the scene',
	locality: 'locality of the tokens'
};

/** Examples that the first of the runs answered, with what the others said. @param category only those in it */
export function askedExamples(
	runs: readonly ScoredRun[],
	category: string | undefined,
	kinds: Kinds
): AskedExample[] {
	const [first] = runs;
	if (!first) return [];
	// By what is asked: rows of other tools may be in another order.
	const ofRuns = runs.map((run) => {
		const outcomes = new Map(run.report.outcomes.map((outcome) => [outcome.id, outcome]));
		const asked = run.results.map((result) => ({ result, outcome: outcomes.get(result.id) }));
		return new Map(asked.map((answer) => [answer.outcome?.question ?? String(answer.result.id), answer]));
	});
	const outcomes = new Map(first.report.outcomes.map((outcome) => [outcome.id, outcome]));
	return first.results.flatMap((result) => {
		const { id, data } = result;
		const outcome = outcomes.get(id);
		if (category !== undefined && !outcome?.categories.includes(category)) return [];
		return [
			{
				...{ id, data, question: textOf(data['question']), truth: textOf(data['answer']) },
				categories: outcome?.categories ?? [],
				answers: runs.flatMap((run, i) => {
					const answer =
						run === first ? { result, outcome } : ofRuns[i]!.get(outcome?.question ?? String(id));
					return answer
						? [
								{
									run: shortTitle(run, kinds),
									pred: [answer.result.pred, ...(answer.result.repeats ?? [])].join(' · '),
									credit: answer.outcome?.credit
								}
							]
						: [];
				})
			}
		];
	});
}

function textOf(value: Data[string] | undefined): string {
	if (value === undefined || value === null) return '';
	return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Wrong and right are those of the first run. */
export function filtered(examples: readonly AskedExample[], shown: Shown): AskedExample[] {
	return examples.filter(({ answers }) => {
		const credits = answers.map(({ credit }) => credit);
		if (shown === 'all') return true;
		if (shown === 'differ') return new Set(credits).size > 1;
		return credits[0] === undefined ? false : shown === 'right' ? credits[0] === 1 : credits[0] < 1;
	});
}

export interface ExampleGroup {
	readonly name: string;
	/** Share of full credit of the first run, 0 to 1. */
	readonly share: number;
	readonly examples: readonly AskedExample[];
}

export interface GroupingKnowledge {
	/** Names of the scenes' classes. */
	readonly classes: readonly string[];
	/** Locality score by scene or image, where it was measured. */
	readonly locality: (example: AskedExample) => number | undefined;
}

/** Examples by what they are about, the worst group first. What does not fit the grouping stands under "not known". */
export function grouped(
	examples: readonly AskedExample[],
	by: Grouping,
	{ classes, locality }: GroupingKnowledge
): ExampleGroup[] {
	const scores = by === 'locality' ? examples.map(locality).filter((score) => score !== undefined) : [];
	const nameOf = (example: AskedExample): string => {
		if (by === 'category') return example.categories.at(-1) ?? 'not known';
		if (by === 'locality') return third(locality(example), scores);
		const facts = sceneFacts(example.data, classes);
		if (by === 'objects')
			return facts ? `${facts.objects} object${facts.objects === 1 ? '' : 's'}` : 'not known';
		if (by === 'cell') return facts?.cell ?? 'not known';
		return facts?.size === undefined
			? 'not known'
			: `${facts.size <= 23 ? 'small' : 'large'} (${facts.size} px)`;
	};
	return [...Map.groupBy(examples, nameOf)]
		.map(([name, group]) => ({
			name,
			examples: group,
			share: group.reduce((sum, { answers }) => sum + (answers[0]?.credit ?? 0), 0) / group.length
		}))
		.sort((a, b) => Number(a.name === 'not known') - Number(b.name === 'not known') || a.share - b.share);
}

function third(score: number | undefined, scores: readonly number[]): string {
	if (score === undefined) return 'not known';
	const rank = scores.filter((other) => other < score).length / scores.length;
	return rank < 1 / 3 ? 'lowest third' : rank < 2 / 3 ? 'middle third' : 'highest third';
}

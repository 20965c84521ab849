import type { Outcome, Report, Unit } from './benchmark.ts';

export interface AccuracyInputs {
	readonly benchmark: string;
	readonly title: string;
	/** What the rows of the table are. */
	readonly rowName: string;
	/** Coarsest category of the rows, in the order of the table. */
	readonly order: readonly string[];
	readonly answers: readonly Outcome[];
	/** What varies together, by example; each example on its own when absent. */
	readonly unitOf?: (outcome: Outcome) => string;
}

/** Share of right answers, in percent: over all answers and for each category. */
export function accuracyReport(inputs: AccuracyInputs): Omit<Report, 'files'> {
	const { benchmark, title, rowName, order, answers, unitOf } = inputs;
	const row = (name: string, of: readonly Outcome[]) => [name, percent(of), rightOf(of), of.length];
	const byCategory = Map.groupBy(answers, ({ categories }) => categories[0]!);
	return {
		benchmark,
		scores: answers.length > 0 ? [{ name: 'accuracy', value: percent(answers), unit: '%' }] : [],
		tables: [
			{
				title,
				columns: [rowName, 'Accuracy', 'Right', 'Answers'],
				rows: [
					...order.filter((name) => byCategory.has(name)).map((name) => row(name, byCategory.get(name)!)),
					row('Total', answers)
				]
			}
		],
		outcomes: answers,
		units: unitsOf(answers, unitOf ?? (({ id }) => String(id)), () => 'all'),
		combine: 'mean',
		notes: []
	};
}

/** Units whose sum over count is an accuracy in percent. */
export function unitsOf(
	answers: readonly Outcome[],
	unitOf: (outcome: Outcome) => string,
	stratumOf: (outcome: Outcome) => string
): Unit[] {
	const groups = Map.groupBy(answers, (answer) =>
		JSON.stringify([stratumOf(answer), answer.categories, unitOf(answer)])
	);
	return [...groups.values()].map((group) => ({
		stratum: stratumOf(group[0]!),
		categories: group[0]!.categories,
		sum: 100 * rightOf(group),
		count: group.length,
		ids: group.map(({ id }) => id)
	}));
}

export const rightOf = (answers: readonly Outcome[]) => answers.reduce((sum, { credit }) => sum + credit, 0);

/** 0 where there are no answers, as upstream prints it. */
export const percent = (answers: readonly Outcome[]) =>
	answers.length > 0 ? (100 * rightOf(answers)) / answers.length : 0;

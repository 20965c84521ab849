import type { SourceFolder } from '../checkpoint/source.ts';
import { formatConversation } from '../model/text/prompts.ts';
import type { Benchmark, Example, Score } from './benchmark.ts';
import {
	idField,
	imageFile,
	numberField,
	openFirst,
	readJsonLines,
	stringField,
	UniqueIds
} from './formats/files.ts';
import { judgedReport } from './judged.ts';
import { parseFloatPython, roundPython } from './python/text.ts';

export type LlavaBenchData = {
	readonly question: string;
	/** conv, detail or complex. */
	readonly category: string;
	readonly question_id: number;
};

/** LLaVA-Bench in the wild (Liu et al. 2023, arXiv 2304.08485): GPT-4 compares answers with its own. */
export const llavabench: Benchmark<LlavaBenchData> = {
	name: 'llavabench',
	title: 'LLaVA-Bench (in the wild)',
	upstreamTask: 'LlavaBenchTask',
	files: ['questions.jsonl', 'images/'],
	officialCount: 60,
	generation: { max_new_tokens: 1024 },
	fields: { question: 'string', category: 'string', question_id: 'number' },
	examples,
	prompt: ({ question }, imageCount) => formatConversation('free-form', [{ question, imageCount }]),
	score: (results) =>
		judgedReport(
			'llavabench',
			results,
			({ category }) => [String(category)],
			[
				{
					path: 'LLaVA-Bench_answers.jsonl',
					content: results
						.map(({ pred, data }) =>
							JSON.stringify({
								question_id: data.question_id,
								prompt: data.question,
								text: pred,
								answer_id: `honeybee-${data.question_id}`,
								model_id: 'honeybee',
								metadata: {}
							})
						)
						.join('\n')
				}
			],
			"LLaVA's eval_gpt_review_bench.py (GPT-4)"
		)
};

async function* examples(folder: SourceFolder): AsyncGenerator<Example<LlavaBenchData>, void, void> {
	const source = await openFirst(folder, 'questions.jsonl');
	const ids = new UniqueIds('question_id');
	for (const [id, { value, where }] of (await readJsonLines(source)).entries()) {
		ids.add(idField(value, 'question_id', where), where);
		yield {
			id,
			images: [await imageFile(folder, [`images/${stringField(value, 'image', where)}`], where)],
			data: {
				question: stringField(value, 'text', where),
				category: stringField(value, 'category', where),
				question_id: numberField(value, 'question_id', where)
			}
		};
	}
}

/** Two scores (reference, model) in the first line of a review; −1, −1 when there are not exactly two numbers. */
export function parseReview(review: string): readonly [reference: number, model: number] {
	const parts = review.split('\n')[0]!.replaceAll(',', ' ').split(' ');
	const [reference, model] = parts.map(parseFloatPython);
	return parts.length === 2 && reference !== undefined && model !== undefined ? [reference, model] : [-1, -1];
}

export interface Review {
	readonly category: string;
	readonly scores: readonly [reference: number, model: number];
}

/** Scores relative to the reference, in percent, and both means × 10, as LLaVA's `summarize_gpt_review.py` prints them. */
export function summarizeReviews(
	reviews: readonly Review[]
): Record<string, { score: number; gpt: number; pred: number }> {
	const groups = new Map([
		...Map.groupBy(reviews, ({ category }) => category),
		['all', [...reviews]] as const
	]);
	const mean = (of: readonly Review[], which: 0 | 1) =>
		roundPython(of.reduce((sum, { scores }) => sum + scores[which], 0) / of.length, 3);
	return Object.fromEntries(
		[...groups]
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([name, of]) => {
				const [gpt, pred] = [mean(of, 0), mean(of, 1)];
				return [
					name.replace('llava_bench_', ''),
					{
						score: roundPython((pred / gpt) * 100, 1),
						gpt: roundPython(gpt * 10, 1),
						pred: roundPython(pred * 10, 1)
					}
				];
			})
	);
}

/** The judge's scores as those of a report. */
export function reviewScores(reviews: readonly Review[]): Score[] {
	return Object.entries(summarizeReviews(reviews)).map(([name, { score }]) => ({
		name,
		value: score,
		unit: '%'
	}));
}

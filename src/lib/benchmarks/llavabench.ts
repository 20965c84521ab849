import type { SourceFolder } from '../checkpoint/source.ts';
import { formatConversation } from '../model/text/prompts.ts';
import type { Benchmark, Example } from './benchmark.ts';
import {
	idField,
	imageFile,
	numberField,
	openFirst,
	readJsonLines,
	stringField,
	UniqueIds
} from './formats/files.ts';
import { examplesOfRows, type RowReader } from './rows.ts';
import { judgedReport } from './judged.ts';

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
	publishedAs: 'LLaVA-W',
	files: ['questions.jsonl', 'images/'],
	officialCount: 60,
	generation: { max_new_tokens: 1024 },
	fields: { question: 'string', category: 'string', question_id: 'number' },
	examples,
	prompt: ({ question }, imageCount) => formatConversation('free-form', [{ question, imageCount }]),
	posed: { set: 'LLaVA-Bench', question: ({ question }) => ({ kind: 'open', text: question }) },
	score: (results) =>
		judgedReport(
			'llavabench',
			results,
			({ category }) => [category as string],
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
	const rows = (await readJsonLines(source)).map(({ where, read }): RowReader<LlavaBenchData> => async () => {
		const value = read();
		ids.add(idField(value, 'question_id', where), where);
		return {
			images: [await imageFile(folder, [`images/${stringField(value, 'image', where)}`], where)],
			data: {
				question: stringField(value, 'text', where),
				category: stringField(value, 'category', where),
				question_id: numberField(value, 'question_id', where)
			}
		};
	});
	yield* examplesOfRows(rows, `${source.name} has no questions; download it again.`);
}

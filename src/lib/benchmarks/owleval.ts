import type { SourceFolder } from '../checkpoint/source.ts';
import { formatConversation } from '../model/text/prompts.ts';
import type { Benchmark, Example } from './benchmark.ts';
import { imageFile, numberField, openFirst, readJsonLines, stringField } from './formats/files.ts';
import { examplesOfRows, type RowReader } from './rows.ts';
import { judgedReport } from './judged.ts';

export type OwlData = {
	readonly question: string;
	readonly question_id: number;
	/** As the file names it, relative to images/. */
	readonly image_path: string;
	/** Letters of the abilities asked for. */
	readonly ability: string;
};

/** OwlEval (Ye et al. 2023, arXiv 2304.14178): people compare the answers; there is no metric. Turns share question ids. */
export const owleval: Benchmark<OwlData> = {
	name: 'owleval',
	title: 'OwlEval',
	upstreamTask: 'OWLTask',
	files: ['questions.jsonl', 'images/'],
	officialCount: 82,
	generation: { max_new_tokens: 512 },
	fields: { question: 'string', question_id: 'number', image_path: 'string' },
	examples,
	prompt: ({ question }, imageCount) => formatConversation('free-form', [{ question, imageCount }]),
	posed: { set: 'OwlEval', question: ({ question }) => ({ kind: 'open', text: question }) },
	score: (results) =>
		judgedReport(
			'owleval',
			results,
			({ ability }) => [typeof ability === 'string' ? ability : ''],
			[
				{
					path: 'OWLTask_prediction_results_all.json',
					content: JSON.stringify(
						results.map(({ pred, data }) => ({
							image: data.image_path,
							question_id: data.question_id,
							question: data.question,
							answer: pred,
							model_id: 'Custom_OWL'
						})),
						null,
						2
					)
				}
			],
			'A reader'
		)
};

async function* examples(folder: SourceFolder): AsyncGenerator<Example<OwlData>, void, void> {
	const source = await openFirst(folder, 'questions.jsonl');
	const rows = (await readJsonLines(source)).map(({ where, read }): RowReader<OwlData> => async () => {
		const value = read();
		const image = stringField(value, 'image', where);
		return {
			images: [await imageFile(folder, [`images/${image}`], where)],
			data: {
				question: stringField(value, 'question', where),
				question_id: numberField(value, 'question_id', where),
				image_path: image,
				ability: typeof value['ability'] === 'string' ? value['ability'] : ''
			}
		};
	});
	yield* examplesOfRows(rows, `${source.name} has no questions; download it again.`);
}

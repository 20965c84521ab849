import type { SourceFolder } from '../checkpoint/source.ts';
import { formatTemplate } from '../model/text/prompts.ts';
import { percent, unitsOf } from './accuracy.ts';
import { answerNotes, unansweredBy } from './answers.ts';
import type { Benchmark, Example, Outcome, Report, Result } from './benchmark.ts';
import { baseName } from './formats/columns.ts';
import { idField, imageFile, openFirst, readJsonLines, stringField, UniqueIds } from './formats/files.ts';
import { examplesOfRows, type RowReader } from './rows.ts';

const CATEGORIES = ['adversarial', 'popular', 'random'] as const;
/** Keeps upstream's quotients defined. */
const EPSILON = 1e-12;

export type PopeData = {
	readonly question: string;
	/** "yes" or "no". */
	readonly answer: string;
	readonly image_path: string;
	/** How the objects that are not there were sampled. */
	readonly category: string;
};

/** POPE (Li et al. 2023, arXiv 2305.10355): is an object in the image? */
export const pope: Benchmark<PopeData> = {
	name: 'pope',
	title: 'POPE',
	upstreamTask: 'POPETask',
	publishedAs: 'POPE',
	files: [
		'coco_pope_adversarial.json, coco_pope_popular.json, coco_pope_random.json',
		"COCO's val2014/ with the images (also as images/val2014/ or images/)"
	],
	generation: { max_new_tokens: 20 },
	fields: { answer: 'string', category: 'string' },
	fromRow: (row) => ({
		question: row.text('question', 'text'),
		answer: row.yesOrNo('answer', 'label', 'target'),
		image_path: row.optional('image_source', 'image', 'image_path'),
		category: row.optional('category') || samplingOf(row.file) || row.text('category')
	}),
	identity: ({ image_path, question }) => `${baseName(image_path)}: ${question}`,
	examples,
	prompt: ({ question }, imageCount) => formatTemplate('eval-vqa', [{ question }], { imageCount }),
	posed: { set: 'POPE', question: ({ question }) => ({ kind: 'yes-no', text: question }) },
	score
};

/** The sampling that the name of lmms-eval's task tells, where the rows do not; '' when it tells none. */
function samplingOf(file: string): string {
	const [, word] = /pope_(adv|pop|random)/i.exec(file) ?? [];
	return CATEGORIES.find((category) => word !== undefined && category.startsWith(word.toLowerCase())) ?? '';
}

function examples(folder: SourceFolder): AsyncGenerator<Example<PopeData>, void, void> {
	return examplesOfRows(rows(folder), `The files of ${folder.name} have no questions; download them again.`);
}

async function* rows(folder: SourceFolder): AsyncGenerator<RowReader<PopeData>, void, void> {
	for (const category of CATEGORIES) {
		const name = `coco_pope_${category}.json`;
		const source = await openFirst(folder, name, `coco/${name}`, `old_coco/${name}`);
		const ids = new UniqueIds('question_id');
		for (const { where, read } of await readJsonLines(source))
			yield async () => {
				const value = read();
				ids.add(idField(value, 'question_id', where), where);
				const answer = stringField(value, 'label', where);
				const file = stringField(value, 'image', where);
				const image = await imageFile(
					folder,
					['val2014', 'images/val2014', 'images', '.'].map((place) =>
						place === '.' ? file : `${place}/${file}`
					),
					where
				);
				return {
					images: [image],
					data: { question: stringField(value, 'text', where), answer, image_path: image.name, category },
					...(answer !== 'yes' &&
						answer !== 'no' && {
							unusable: `${where}: the label is "${answer}" instead of yes or no; download the file again.`
						})
				};
			};
	}
}

/** "no" when one of the words No, no, not stands before the first full stop; everything else is "yes". */
export function parsePopeAnswer(pred: string): 'yes' | 'no' {
	const parts = pred.split('.')[0]!.replaceAll(',', '').split(' ');
	return ['No', 'not', 'no'].some((word) => parts.includes(word)) ? 'no' : 'yes';
}

/** The one of the words yes and no that an answer has, in any case; undefined when it has neither or both. */
function wordOf(pred: string): 'yes' | 'no' | undefined {
	const words = new Set(pred.toLowerCase().split(/[^\p{L}']+/u));
	return words.has('yes') === words.has('no') ? undefined : words.has('yes') ? 'yes' : 'no';
}

export interface PopeScores {
	readonly accuracy: number;
	readonly precision: number;
	readonly recall: number;
	readonly f1: number;
	readonly yes_ratio: number;
	readonly TP: number;
	readonly FP: number;
	readonly TN: number;
	readonly FN: number;
}

/** Shares from 0 to 1 and counts; "yes" is the positive answer. */
export function popeScores(
	answers: readonly { readonly label: string; readonly parsed: string }[]
): PopeScores {
	const count = (parsed: string, label: string) =>
		answers.filter((answer) => answer.parsed === parsed && (answer.label === 'no') === (label === 'no'))
			.length;
	const TP = count('yes', 'yes');
	const FP = count('yes', 'no');
	const TN = count('no', 'no');
	// A question that was not answered is a missed one.
	const FN = answers.filter(({ parsed, label }) => parsed !== 'yes' && label !== 'no').length;
	const precision = TP / (TP + FP + EPSILON);
	const recall = TP / (TP + FN + EPSILON);
	return {
		accuracy: (TP + TN) / (answers.length + EPSILON),
		precision,
		recall,
		f1: (2 * precision * recall) / (precision + recall + EPSILON),
		yes_ratio: (TP + FP) / (answers.length + EPSILON),
		TP,
		FP,
		TN,
		FN
	};
}

function score(results: readonly Result<PopeData>[]): Report {
	// A question that several samplings share may stand once in a table of another tool, under their names joined by commas.
	const rows = results.flatMap((result) =>
		result.data.category.split(',').map((category) => ({ ...result, category: category.trim() }))
	);
	const outcomes = rows.map(({ id, pred, data, category }): Outcome => {
		const categories = [category];
		const unanswered = unansweredBy(pred);
		if (unanswered) return { id, categories, parsed: null, drawn: false, unanswered, credit: 0 };
		const parsed = parsePopeAnswer(pred);
		return {
			...{ id, categories, parsed, drawn: false, credit: Number(parsed === data.answer) },
			...(wordOf(pred) === undefined && { unclear: true })
		};
	});
	const words = rows.map(({ pred }) => wordOf(pred));
	const neither = outcomes.filter(({ unclear }) => unclear).length;
	const differs = outcomes.some(({ parsed, unanswered }, i) => !unanswered && parsed !== words[i]);
	const imageOf = new Map(results.map(({ id, data }) => [id, data.image_path]));
	const labelOf = new Map(results.map(({ id, data }) => [id, data.answer]));
	const present = CATEGORIES.filter((category) =>
		outcomes.some(({ categories }) => categories[0] === category)
	);
	const scores = present.map((category) =>
		popeScores(
			outcomes
				.filter(({ categories }) => categories[0] === category)
				.map(({ id, parsed }) => ({ label: labelOf.get(id)!, parsed: parsed ?? '' }))
		)
	);
	const lenient =
		present
			.map((name) =>
				percent(
					outcomes.flatMap((outcome, i) =>
						outcome.categories[0] === name
							? [{ ...outcome, credit: Number(words[i] === rows[i]!.data.answer) }]
							: []
					)
				)
			)
			.reduce((sum, value) => sum + value, 0) / present.length;
	const columns = ['accuracy', 'precision', 'recall', 'f1', 'yes_ratio', 'TP', 'FP', 'TN', 'FN'] as const;
	const average = (column: keyof PopeScores) =>
		scores.reduce((sum, row) => sum + row[column], 0) / scores.length;
	const named = ['accuracy', 'f1', 'precision', 'recall', 'yes_ratio'] as const;
	return {
		benchmark: 'pope',
		scores:
			present.length === 0
				? []
				: [
						...named.map((name) => ({ name, value: 100 * average(name), unit: '%' as const })),
						...(differs ? [{ name: 'accuracy, lenient', value: lenient, unit: '%' as const }] : [])
					],
		tables: [
			{
				title: 'POPE',
				columns: ['Category', ...columns],
				rows: [
					...present.map((category, i) => [category, ...columns.map((column) => scores[i]![column])]),
					[
						'average',
						...columns.map((column) =>
							/[TF][PN]/.test(column) ? Math.trunc(average(column)) : average(column)
						)
					]
				]
			}
		],
		outcomes,
		// The questions about one image are answered by the same look at it.
		units: unitsOf(
			outcomes,
			({ id }) => imageOf.get(id)!,
			({ categories }) => categories[0]!
		),
		combine: 'mean',
		files: [],
		notes: [
			...answerNotes(outcomes),
			...(neither > 0
				? [
						`${neither} of ${outcomes.length} answers have neither the word yes nor no; upstream takes an answer without no and not for yes.`
					]
				: []),
			...(differs && present.length > 0
				? [
						`Read leniently (the words yes and no in any case, all else unknown, as VLMEvalKit reads), the accuracy is ${lenient.toFixed(1)} %.`
					]
				: []),
			...CATEGORIES.filter((category) => !present.includes(category)).map(
				(category) => `There are no answers of ${category}; the averages are without it.`
			)
		]
	};
}

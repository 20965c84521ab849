import type { SourceFolder } from '../checkpoint/source.ts';
import { formatTemplate } from '../model/text/prompts.ts';
import { InputError, usable } from '../tensor/errors.ts';
import { answerNotes, unansweredOf } from './answers.ts';
import type { Benchmark, Example, ExampleImage, Outcome, Report, Result, Score, Unit } from './benchmark.ts';
import { baseName, capital, yesOrNo } from './formats/columns.ts';
import { imageFile, openFirst, readText, UniqueIds, visiblePaths } from './formats/files.ts';
import { examplesOfRows, type Asked, type RowReader } from './rows.ts';
import { lines, strip } from './python/text.ts';

const SUBTASKS = {
	Perception: [
		'existence',
		'count',
		'position',
		'color',
		'posters',
		'celebrity',
		'scene',
		'landmark',
		'artwork',
		'OCR'
	],
	Cognition: ['commonsense_reasoning', 'numerical_calculation', 'text_translation', 'code_reasoning']
} as const;
const GROUPS = Object.entries(SUBTASKS) as [keyof typeof SUBTASKS, readonly string[]][];

export type MmeData = {
	readonly question: string;
	/** "Yes" or "No". */
	readonly answer: string;
	readonly image_path: string;
	/** File name of the image. */
	readonly image_id: string;
	/** Subtask. */
	readonly dataset_name: string;
};
export type MmeLabel = 'yes' | 'no' | 'other';

/**
 * MME (Fu et al. 2023, arXiv 2306.13394): two yes/no questions about each image. A subtask's score is accuracy plus
 * accuracy+ (both questions of an image right), in points of 100 each.
 */
export const mme: Benchmark<MmeData> = {
	name: 'mme',
	title: 'MME',
	upstreamTask: 'MMETask',
	publishedAs: 'MME',
	files: [
		'a folder for each subtask (existence, count, …, code_reasoning) with images and, for each, a .txt of lines',
		'question<TAB>answer beside it, or in questions_answers_YN/ beside images/'
	],
	officialCount: 2374,
	generation: { max_new_tokens: 20 },
	fields: { question: 'string', answer: 'string', image_id: 'string', dataset_name: 'string' },
	fromRow: (row) => ({
		question: row.text('question'),
		answer: capital(row.yesOrNo('answer', 'target')),
		image_id: row.text('question_id', 'image_path', 'image_name', 'image_id', 'index').split('/').at(-1)!,
		image_path: row.optional('question_id', 'image_path'),
		dataset_name: row.text('category', 'dataset_name')
	}),
	identity: ({ dataset_name, image_id, question }) =>
		`${dataset_name}/${baseName(image_id)}: ${question.replace(/\s*Please answer yes or no\.?\s*$/, '')}`,
	examples,
	prompt: ({ question }, imageCount) => formatTemplate('mme', [{ question }], { imageCount }),
	posed: { set: 'MME', question: ({ question }) => ({ kind: 'yes-no', text: question }) },
	score
};

function examples(folder: SourceFolder): AsyncGenerator<Example<MmeData>, void, void> {
	return examplesOfRows(
		rows(folder),
		`${folder.name} has no subtask folder of MME (${SUBTASKS.Perception.slice(0, 3).join(', ')}, …) with .jpg or .png images; give the folder that holds them.`
	);
}

async function* rows(folder: SourceFolder): AsyncGenerator<RowReader<MmeData>, void, void> {
	const paths = (await visiblePaths(folder)).map((path) => path.split('/'));
	for (const subtask of GROUPS.flatMap(([, names]) => names)) {
		const images = paths
			.filter((parts) => parts[0] === subtask && /\.(jpe?g|png)$/i.test(parts.at(-1)!))
			.sort(byParts);
		const texts = new UniqueIds('the question file of the image');
		for (const image of images) {
			const found = await usable(() => questionsOf(folder, image, texts));
			if (found instanceof InputError) yield () => Promise.reject(found);
			else yield* found;
		}
		for (const path of images.length > 0 ? withoutImage(paths, subtask, images) : [])
			yield () => {
				throw new InputError(
					`${path}, line 1: there is no .jpg or .png image of that name; unpack the benchmark's images there, or remove the file.`
				);
			};
	}
}

/** Questions about an image. @throws InputError when their file is missing, empty or another image's, too */
async function questionsOf(
	folder: SourceFolder,
	parts: readonly string[],
	texts: UniqueIds
): Promise<RowReader<MmeData>[]> {
	const path = parts.join('/');
	const text = await openFirst(folder, ...questionFiles(parts));
	texts.add(text.name, path);
	const image = await imageFile(folder, [path], text.name);
	return lines(await readText(text)).flatMap((line, i): RowReader<MmeData>[] =>
		strip(line) === '' ? [] : [() => questionOf(line, `${text.name}, line ${i + 1}`, parts, image)]
	);
}

function questionOf(
	line: string,
	where: string,
	parts: readonly string[],
	image: ExampleImage
): Asked<MmeData> {
	const columns = strip(line).split('\t');
	const [question = '', answer = ''] = columns;
	if (columns.length !== 2)
		throw new InputError(
			`${where}, has ${columns.length} columns instead of question<TAB>answer; download the file again.`
		);
	const truth = yesOrNo(answer);
	return {
		images: [image],
		data: {
			question,
			answer: truth ? capital(truth) : answer,
			image_path: parts.join('/'),
			image_id: parts.at(-1)!,
			dataset_name: parts[0]!
		},
		...(!truth && {
			unusable: `${where}: the answer is "${answer}" instead of Yes or No; download the file again.`
		})
	};
}

/** Question files whose image is missing: upstream, which goes by the images, would leave them out without a word. */
function withoutImage(
	paths: readonly (readonly string[])[],
	subtask: string,
	images: readonly (readonly string[])[]
): string[] {
	const known = new Set(images.flatMap(questionFiles).map((path) => path.toLowerCase()));
	return paths
		.filter((parts) => parts[0] === subtask && /\.txt$/i.test(parts.at(-1)!))
		.map((parts) => parts.join('/'))
		.filter((path) => !known.has(path.toLowerCase()));
}

/** Where the questions about an image may lie. */
function questionFiles(image: readonly string[]): string[] {
	const name = image.at(-1)!.replace(/\.[^.]+$/, '.txt');
	const beside = [...image.slice(0, -1), name].join('/');
	if (image.at(-2) !== 'images') return [beside];
	return [beside, [...image.slice(0, -2), 'questions_answers_YN', name].join('/')];
}

/** Paths as Python sorts them: part by part. */
function byParts(a: readonly string[], b: readonly string[]): number {
	for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
	return a.length - b.length;
}

/**
 * Label of an answer, from its first four characters: "yes" in them is yes, else "no" in them is no ("not sure" and
 * "know" included).
 */
export function parseMmeAnswer(pred: string): MmeLabel {
	const start = pred.toLowerCase().slice(0, 4);
	return start.includes('yes') ? 'yes' : start.includes('no') ? 'no' : 'other';
}

/** Answer up to a tab, at which upstream cuts its line. */
const answerField = (pred: string) => pred.split('\t')[0]!;

interface Answered {
	readonly result: Result<MmeData>;
	readonly label: MmeLabel;
	readonly correct: boolean;
}

function score(results: readonly Result<MmeData>[]): Report {
	const outcomes: Outcome[] = [];
	const units: Unit[] = [];
	const rows: (string | number)[][] = [];
	const notes: string[] = [];
	const totals = new Map<string, number>();
	let total = { acc: 0, plus: 0 };
	let alone = 0;

	for (const [group, subtasks] of GROUPS) {
		const ofGroup = { acc: 0, plus: 0 };
		const subtaskRows: (string | number)[][] = [];
		for (const subtask of subtasks) {
			const answered = results
				.filter(({ data }) => data.dataset_name === subtask)
				.map((result): Answered => {
					const label = parseMmeAnswer(answerField(result.pred));
					return { result, label, correct: label === result.data.answer.toLowerCase() };
				});
			if (answered.length === 0) {
				notes.push(`There are no answers of ${subtask}; the totals are without it.`);
				continue;
			}
			const images = pairs(answered);
			const complete = images.filter((image) => image.length === 2);
			alone += images.length - complete.length;
			for (const { result, label, correct } of answered)
				outcomes.push({
					id: result.id,
					categories: [group, subtask],
					parsed: label === 'other' ? null : label,
					drawn: false,
					...unansweredOf(result.pred),
					credit: Number(correct)
				});
			for (const image of complete) {
				const right = image.filter(({ correct }) => correct).length;
				units.push({
					stratum: subtask,
					categories: [group, subtask],
					sum: 50 * right + (right === 2 ? 100 : 0),
					count: 1,
					ids: image.map(({ result }) => result.id)
				});
			}
			const acc = (100 * answered.filter(({ correct }) => correct).length) / answered.length;
			const both = complete.filter((image) => image.every(({ correct }) => correct)).length;
			const plus = complete.length > 0 ? (100 * both) / complete.length : 0;
			ofGroup.acc += acc;
			ofGroup.plus += plus;
			subtaskRows.push([`${group}/${subtask}`, acc + plus, acc, plus, answered.length]);
		}
		totals.set(group, ofGroup.acc + ofGroup.plus);
		rows.push(
			[group, ofGroup.acc + ofGroup.plus, ofGroup.acc, ofGroup.plus, sum(subtaskRows, 4)],
			...subtaskRows
		);
		total = { acc: total.acc + ofGroup.acc, plus: total.plus + ofGroup.plus };
	}
	rows.push(['Total', total.acc + total.plus, total.acc, total.plus, results.length]);
	if (alone > 0)
		notes.push(
			`${alone} image${alone === 1 ? ' has' : 's have'} an answer to one question only; accuracy+ is over the others.`
		);
	return {
		benchmark: 'mme',
		scores: (results.length === 0
			? []
			: [
					{ name: 'total', value: total.acc + total.plus, unit: 'points' },
					{ name: 'perception', value: totals.get('Perception')!, unit: 'points' },
					{ name: 'cognition', value: totals.get('Cognition')!, unit: 'points' }
				]) satisfies Score[],
		tables: [{ title: 'MME', columns: ['MME', 'Score', 'Acc', 'Acc+', 'Answers'], rows }],
		outcomes,
		units,
		// Accuracy and accuracy+ of an image.
		unitMost: 200,
		combine: 'sum',
		files: submission(results),
		notes: [...answerNotes(outcomes), ...notes]
	};
}

/** Answers about the same image, two by two in their order. */
function pairs(answered: readonly Answered[]): Answered[][] {
	const images = Map.groupBy(answered, ({ result }) => result.data.image_id);
	return [...images.values()].flatMap((image) =>
		Array.from({ length: Math.ceil(image.length / 2) }, (_, i) => image.slice(2 * i, 2 * i + 2))
	);
}

const sum = (rows: readonly (readonly (string | number)[])[], column: number) =>
	rows.reduce((total, row) => total + Number(row[column]), 0);

/** One line per answer for the official `calculation.py`, which reads lines of four columns. */
function submission(results: readonly Result<MmeData>[]): Report['files'] {
	const bySubtask = Map.groupBy(results, ({ data }) => data.dataset_name);
	return [...bySubtask].map(([subtask, answers]) => ({
		path: `MME_submission/${subtask}.txt`,
		content: answers
			.map(({ pred, data }) =>
				[data.image_id, data.question, data.answer, answerField(pred).replace(/[\r\n]+/g, ' ')].join('\t')
			)
			.join('\n')
	}));
}

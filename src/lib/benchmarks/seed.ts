import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import type { SourceFolder } from '../checkpoint/source.ts';
import { formatTemplate } from '../model/text/prompts.ts';
import { InputError } from '../tensor/errors.ts';
import { accuracyReport, percent } from './accuracy.ts';
import { answerNotes, letterReading, unansweredBy } from './answers.ts';
import type { Benchmark, Example, Outcome, Report, Result } from './benchmark.ts';
import { letterOf } from './formats/columns.ts';
import {
	idField,
	imageFile,
	listRows,
	numberField,
	openFirst,
	readJson,
	stringField,
	UniqueIds
} from './formats/files.ts';
import { examplesOfRows, type RowReader } from './rows.ts';
import { listOptions } from '../model/text/options.ts';
import { strip } from './python/text.ts';

/** Types up to this one are about images, the others about videos. */
const LAST_IMAGE_TYPE = 9;
/** Names of the types in SEED-Bench's file, from 1, for results that give the number alone. */
const TYPES = [
	'Scene Understanding',
	'Instance Identity',
	'Instance Attributes',
	'Instance Location',
	'Instances Counting',
	'Spatial Relation',
	'Instance Interaction',
	'Visual Reasoning',
	'Text Understanding',
	'Action Recognition',
	'Action Prediction',
	'Procedure Understanding'
];
const LETTERS = ['A', 'B', 'C', 'D'];

export type SeedData = {
	readonly question: string;
	/** A letter. */
	readonly answer: string;
	readonly choices: readonly string[];
	readonly image_path: string;
	readonly question_id: string;
	readonly question_type_id: number;
	readonly question_type: string;
};

/** SEED-Bench, image part (Li et al. 2023, arXiv 2307.16125): right when the answer is the letter and nothing else. */
export const seed: Benchmark<SeedData> = {
	name: 'seed',
	title: 'SEED-Bench (images)',
	upstreamTask: 'SEEDTask',
	publishedAs: 'SEED-I',
	files: ['SEED-Bench.json', 'SEED-Bench-image/ with the images'],
	officialCount: 14233,
	generation: { max_new_tokens: 20 },
	fields: { answer: 'string', question_type_id: 'number', question_type: 'string' },
	fromRow(row) {
		const type = row.optional('question_type_id');
		return {
			question: row.text('question'),
			answer: letterOf(row.truth('answer', 'target')),
			choices: Object.values(row.options()),
			image_path: '',
			question_id: row.optional('question_id', 'index'),
			question_type_id: type === '' ? 0 : Number(type),
			question_type: row.optional('question_type', 'category') || (TYPES[Number(type) - 1] ?? `type ${type}`)
		};
	},
	identity: ({ question_id, question }) => `${question_id}: ${question}`,
	examples,
	prompt: ({ question, choices }, imageCount) =>
		formatTemplate(
			'mmb',
			[{ question: `${question}\nThere are several options:\n${listOptions(choices)}\n` }],
			{ imageCount }
		),
	posed: {
		set: 'SEED-Bench',
		question: ({ question, choices }) => ({ kind: 'choice', text: question, options: choices })
	},
	score
};

async function* examples(folder: SourceFolder): AsyncGenerator<Example<SeedData>, void, void> {
	const source = await openFirst(folder, 'SEED-Bench.json');
	const file = await readJson(source);
	if (!isObject(file) || !isObject(file['question_type']) || !Array.isArray(file['questions']))
		throw new InputError(
			`${source.name} has no "questions" and "question_type"; give SEED-Bench's own file.`
		);
	const names = new Map(Object.entries(file['question_type']).map(([name, type]) => [Number(type), name]));
	const ids = new UniqueIds('question_id');
	const questions = listRows(file['questions'] as readonly Json[], source.name, 'question').filter(
		({ read }) => !isAboutVideo(read)
	);
	const rows = questions.map(({ where: place, read }): RowReader<SeedData> => async () => {
		const question = read();
		const type = numberField(question, 'question_type_id', place);
		const question_id = idField(question, 'question_id', place);
		const where = `${place} (question_id ${question_id})`;
		ids.add(question_id, where);
		const name = names.get(type);
		if (name === undefined)
			throw new InputError(
				`${where}: question_type_id ${type} has no name in "question_type"; the file is damaged.`
			);
		const answer = stringField(question, 'answer', where).toUpperCase();
		const data_id = stringField(question, 'data_id', where);
		const image = await imageFile(folder, [`SEED-Bench-image/${data_id}`], where);
		return {
			images: [image],
			data: {
				question: stringField(question, 'question', where),
				answer,
				choices: ['a', 'b', 'c', 'd'].map((letter) => choice(question[`choice_${letter}`], letter, where)),
				image_path: image.name,
				question_id,
				question_type_id: type,
				question_type: name
			},
			...(!/^[A-D]$/.test(answer) && {
				unusable: `${where}: the answer is "${answer}" instead of a letter from A to D; the file is damaged.`
			})
		};
	});
	yield* examplesOfRows(rows, `${source.name} has no questions about images; download it again.`);
}

function isAboutVideo(read: () => JsonObject<Json>): boolean {
	try {
		return Number(read()['question_type_id']) > LAST_IMAGE_TYPE;
	} catch {
		return false;
	}
}

/** Some choices of the file are numbers. */
function choice(value: unknown, letter: string, where: string): string {
	if (typeof value !== 'string' && typeof value !== 'number')
		throw new InputError(`${where}: "choice_${letter}" is missing; the file is damaged.`);
	return String(value);
}

const isVideo = ({ data }: Result<SeedData>) => data.question_type_id > LAST_IMAGE_TYPE;

function outcomeOf({ id, pred, data }: Result<SeedData>): Outcome {
	const answer = strip(pred).toLowerCase();
	const unanswered = unansweredBy(pred);
	return {
		id,
		categories: [data.question_type],
		parsed: /^[a-d]$/.test(answer) ? answer.toUpperCase() : null,
		drawn: false,
		...(unanswered && { unanswered }),
		credit: Number(!unanswered && answer === strip(data.answer).toLowerCase())
	};
}

function score(all: readonly Result<SeedData>[]): Report {
	const results = all.filter((result) => !isVideo(result));
	const videos = all.filter(isVideo).map(outcomeOf);
	const sorted = [...Map.groupBy(results, ({ data }) => data.question_type_id)].sort(([a], [b]) => a - b);
	const order = sorted.map(([, [first]]) => first!.data.question_type);
	const answers = results.map(outcomeOf);
	const lenient = letterReading(
		answers,
		results.map(({ pred, data }) => ({ pred, letters: LETTERS, truth: strip(data.answer).toUpperCase() }))
	);
	const base = accuracyReport({ benchmark: 'seed', title: 'SEED-Bench', rowName: 'Type', order, answers });
	return {
		...base,
		scores: [
			...base.scores,
			...lenient.scores,
			...(videos.length > 0 ? [{ name: 'accuracy, videos', value: percent(videos), unit: '%' as const }] : [])
		],
		notes: [
			...answerNotes(answers),
			...lenient.notes,
			...(videos.length > 0
				? [
						`${videos.length} of ${all.length} questions are about videos and are scored apart: ${percent(videos).toFixed(1)} %.`
					]
				: [])
		],
		files: [
			{
				path: 'SEED_submission.jsonl',
				content: results
					.map(({ pred, data }) => JSON.stringify({ question_id: data.question_id, prediction: strip(pred) }))
					.join('\n')
			}
		]
	};
}

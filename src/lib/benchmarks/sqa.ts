import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import type { SourceFolder } from '../checkpoint/source.ts';
import { formatTemplate } from '../model/text/prompts.ts';
import { InputError } from '../tensor/errors.ts';
import { accuracyReport, percent } from './accuracy.ts';
import { answerNotes, DRAWING_SEED, drawnNote, letterReading, unansweredBy } from './answers.ts';
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
import { letter, listOptions } from '../model/text/options.ts';
import { PythonRandom } from './python/random.ts';
import { strip, stripStart } from './python/text.ts';

const SPLIT = 'test';
const FAILED = 'FAILED';
/** What Python writes for an absent path. */
const NO_IMAGE = 'None';
/** Context of questions that have none. */
const NO_CONTEXT = 'N/A';
/** Image of results of other tools that do not tell whether there is one. */
const NOT_TOLD = '';

export type SqaData = {
	/** The whole question as in the file: text, context and options. */
	readonly question: string;
	readonly question_id: string;
	/** "None" for questions without an image. */
	readonly image_path: string;
	/** A letter. */
	readonly answer: string;
	/** Choices and right one as in `problems.json`, by which upstream scores. */
	readonly choices: readonly string[];
	readonly answer_index: number;
};

/** ScienceQA, test split (Lu et al. 2022, arXiv 2209.09513); some questions have no image. */
export const sqa: Benchmark<SqaData> = {
	name: 'sqa',
	title: 'ScienceQA',
	upstreamTask: 'SQATask',
	publishedAs: 'SQA',
	files: [
		'llava_test_QCM-LEPA.json',
		'text/pid_splits.json and text/problems.json',
		'images/test/ with the images'
	],
	officialCount: 4241,
	generation: { max_new_tokens: 128 },
	fields: {
		question: 'string',
		question_id: 'string',
		image_path: 'string',
		choices: 'strings',
		answer_index: 'number'
	},
	complete(data) {
		const { question, answer_index } = data;
		const choices = typeof question === 'string' ? parseQuestion(question)?.options : undefined;
		return 'choices' in data || !choices || typeof answer_index !== 'number' ? data : { ...data, choices };
	},
	fromRow(row) {
		const answer = letterOf(row.truth('answer', 'target'));
		return {
			question: row.text('question'),
			question_id: row.optional('question_id', 'id', 'index'),
			image_path: row.isNull('image') ? NO_IMAGE : row.optional('image', 'image_path') || NOT_TOLD,
			answer,
			choices: Object.values(row.options()),
			answer_index: answer.charCodeAt(0) - 65
		};
	},
	identity: ({ question_id, question, choices }) => JSON.stringify([question_id, question, choices]),
	examples,
	prompt({ question }, imageCount) {
		const parsed = parseQuestion(question)!;
		const { context, options } = parsed;
		return formatTemplate(
			'eval-sqa',
			[{ question: parsed.question, context, option: listOptions(options) }],
			{
				imageCount
			}
		);
	},
	posed: {
		set: 'ScienceQA',
		question(data) {
			const { question, context, options } = parseQuestion(data.question)!;
			return { kind: 'choice', text: question, options, ...(context !== NO_CONTEXT && { hint: context }) };
		}
	},
	score
};

/** `<question>\nContext: <context>\nOptions: (A) <first> (B) <second> …`; undefined when it has another form. */
export function parseQuestion(
	text: string
): { question: string; context: string; options: string[] } | undefined {
	const match = /(.+?)\nContext: (.*?)\nOptions: (.+)/s.exec(text);
	if (!match) return undefined;
	const [, question = '', context = '', list = ''] = match;
	const options = strip(list.replaceAll('<image>', ''))
		.split(/\([A-Z]\)/)
		.map(strip)
		.filter((option) => option !== '');
	return { question, context, options };
}

/** Letter after `###\nANSWER:`; undefined when there is none. */
export function parseSolution(text: string): string | undefined {
	const after = text.split(/LECTURE:|SOLUTION:|###\nANSWER:/);
	const keys: readonly string[] = text.match(/LECTURE:|SOLUTION:|###\nANSWER:/g) ?? [];
	const at = keys.lastIndexOf('###\nANSWER:');
	const answer = at < 0 ? '' : stripStart(after[at + 1] ?? '').replace(/\.+$/, '');
	return /^[A-Z]$/.test(answer) ? answer : undefined;
}

async function* examples(folder: SourceFolder): AsyncGenerator<Example<SqaData>, void, void> {
	const source = await openFirst(folder, `llava_${SPLIT}_QCM-LEPA.json`);
	const [items, problems, splits] = await Promise.all([
		readJson(source),
		openFirst(folder, 'text/problems.json', 'problems.json').then(readObject),
		openFirst(folder, 'text/pid_splits.json', 'pid_splits.json').then(readObject)
	]);
	if (!Array.isArray(items))
		throw new InputError(`${source.name} is not a list; give ScienceQA's file for LLaVA.`);
	const split = splits[SPLIT];
	if (!Array.isArray(split))
		throw new InputError(`pid_splits.json has no list "${SPLIT}"; give ScienceQA's own file.`);
	const scored = new Set(split.map(String));
	const ids = new UniqueIds('question id');
	const list = listRows(items as readonly Json[], source.name, 'question');
	const rows = list.map(({ where: place, read }): RowReader<SqaData> => async () => {
		const item = read();
		const question_id = idField(item, 'id', place);
		const where = `${place} (id ${question_id})`;
		ids.add(question_id, where);
		const [question, solution] = conversation(item, where);
		const parsed = parseQuestion(question);
		const answer = parseSolution(solution);
		if (!parsed || answer === undefined)
			throw new InputError(
				`${where} has no "Context:", "Options:" or "ANSWER:"; give ScienceQA's QCM-LEPA file for LLaVA.`
			);
		const problem = problems[question_id];
		if (!isObject(problem) || !scored.has(question_id))
			throw new InputError(
				`${where} is not in problems.json and its "${SPLIT}" split; take all files from the same download.`
			);
		const choices = problem['choices'];
		if (!Array.isArray(choices)) throw new InputError(`${where}: problems.json gives no "choices" for it.`);
		const image =
			item['image'] === undefined || item['image'] === null
				? undefined
				: await imageFile(folder, [`images/${SPLIT}/${stringField(item, 'image', where)}`], where);
		const answer_index = numberField(problem, 'answer', `${where} in problems.json`);
		return {
			images: image ? [image] : [],
			data: {
				question,
				question_id,
				image_path: image?.name ?? NO_IMAGE,
				answer,
				choices: choices.map(String),
				answer_index
			},
			...(!(answer_index in choices) && {
				unusable: `${where}: the answer in problems.json is ${answer_index}, and there are ${choices.length} choices; download the file again.`
			})
		};
	});
	yield* examplesOfRows(rows, `${source.name} has no questions; download it again.`);
}

async function readObject(source: Parameters<typeof readJson>[0]): Promise<JsonObject<Json>> {
	const value = await readJson(source);
	if (!isObject(value))
		throw new InputError(`${source.name} is not a JSON object; give ScienceQA's own file.`);
	return value;
}

function conversation(item: JsonObject<Json>, where: string): [string, string] {
	const turns = item['conversations'];
	const texts = (Array.isArray(turns) ? (turns as Json[]) : []).map((turn) =>
		isObject(turn) ? turn['value'] : undefined
	);
	const [question, solution] = texts;
	if (typeof question !== 'string' || typeof solution !== 'string')
		throw new InputError(`${where} has no two "conversations"; the file is damaged or another kind.`);
	return [question, solution];
}

/** The letter as the answer gives it, or the letter of the last choice whose text it contains, or "FAILED". */
export function parseSqaAnswer(pred: string, choices: readonly string[]): string {
	const text = pred.replace(/[().]/g, '');
	if ([...text].length === 1) return text;
	const last = choices.findLastIndex((choice) => text.includes(choice));
	return last < 0 ? FAILED : letter(last);
}

function score(results: readonly Result<SqaData>[]): Report {
	const random = new PythonRandom(DRAWING_SEED);
	// A tool that writes that there is no image tells with all other questions that there is one.
	const told = results.some(({ data }) => data.image_path === NO_IMAGE);
	const kindOf = ({ image_path }: SqaData) =>
		image_path === NO_IMAGE ? 'text' : image_path !== NOT_TOLD || told ? 'image' : 'not told';
	const answers = results.map(({ id, pred, data }): Outcome => {
		const { choices, answer_index } = data;
		const categories = [kindOf(data)];
		const unanswered = unansweredBy(pred);
		if (unanswered) return { id, categories, parsed: null, drawn: false, unanswered, credit: 0 };
		const parsed = parseSqaAnswer(pred, choices);
		const found = choices.findIndex((_, i) => letter(i) === parsed);
		const drawn = found < 0;
		const index = drawn ? random.below(choices.length) : found;
		// Upstream draws a second time, for its records.
		if (drawn) random.below(choices.length);
		return {
			id,
			categories,
			parsed: letter(index),
			drawn,
			credit: Number(index === answer_index)
		};
	});
	const of = (kind: string) => answers.filter(({ categories }) => categories[0] === kind);
	const base = accuracyReport({
		benchmark: 'sqa',
		title: 'ScienceQA',
		rowName: 'Questions with',
		order: ['image', 'text', 'not told'],
		answers
	});
	const lenient = letterReading(
		answers,
		results.map(({ pred, data }) => ({
			pred,
			letters: data.choices.map((_, at) => letter(at)),
			truth: letter(data.answer_index)
		}))
	);
	return {
		...base,
		scores: [
			...base.scores,
			...['image', 'text']
				.filter((kind) => of(kind).length > 0)
				.map((kind) => ({ name: `accuracy, ${kind}`, value: percent(of(kind)), unit: '%' as const })),
			...lenient.scores
		],
		files: [],
		notes: [
			...answerNotes(answers),
			...drawnNote(answers, 'named no choice'),
			...lenient.notes,
			...(of('not told').length > 0
				? [
						`The file does not tell which questions have an image; the score is not that of the questions with one.`
					]
				: [])
		]
	};
}

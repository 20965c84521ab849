import { tokenLocalities } from '../analysis/locality.ts';
import type { TokenMatrix } from '../analysis/token-similarity.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { greedy } from '../model/runtime/sampling.ts';
import { InputError } from '../tensor/errors.ts';
import { questionPhrase } from './answer.ts';
import { ask } from './ask.ts';
import type { Choices } from './choices.ts';
import { nothingBeside } from './columns.ts';
import {
	columnGrids,
	columnTimes,
	columnTokens,
	columnWords,
	coverDifference,
	tokenDifference,
	type ColumnGrids,
	type ColumnLabel,
	type ColumnScores,
	type ColumnTimes,
	type ColumnTokens,
	type ColumnWords,
	type LocatedMap,
	type MapDifference
} from './compare.ts';
import type { Control } from './control.ts';
import { required, tokenOf, type FigureStudy, type StudyColumn, type Work } from './figure-study.ts';
import { localityRows, methodPhrase, type LocalityRows } from './locality.ts';
import type { Measured, Measurement } from './measurement.ts';
import { questionRequest } from './question.ts';
import { scoreAnswer, wordsOf, writtenAnswer } from './score.ts';
import { similarity, visualTokens, type Similarity } from './similarity.ts';
import { pictureOf, type Subject } from './subject.ts';
import { timeStages, TIMED_QUESTION, TIMED_RUNS, type WarmTimes } from './timing.ts';

/** New tokens of an answer that is scored, at most. */
const MAX_NEW_TOKENS = 128;

/** A map as columns are compared: attention of all layers rolled out, mean over the heads; with the locality of each token. */
export function locatedMap(
	measured: Measured,
	subject: Pick<Subject, 'entry' | 'manifest' | 'tokens'>,
	{ method }: Measurement
): LocalityRows & LocatedMap {
	const rows = localityRows(measured, subject, method, 'rollout', 'mean');
	return { ...rows, localities: tokenLocalities(rows.map, rows.weighting, rows.homes) };
}

/** How the maps of several columns are made, a phrase. */
export function columnsPhrase(subjects: readonly Pick<Subject, 'entry'>[], measurement: Measurement): string {
	return [...new Set(subjects.map(({ entry }) => methodPhrase(entry, measurement, 'rollout', 'mean')))].join(
		'; '
	);
}

/** What is shown of each column, one line; columns that show nothing are left out. */
export function columnsProvenance(
	columns: readonly {
		readonly letter: string;
		readonly subject: Pick<Subject, 'provenance'> | undefined;
	}[]
): string {
	return columns
		.flatMap(({ letter, subject }) => (subject ? [`${letter}: ${subject.provenance}`] : []))
		.join('; ');
}

/** The same of what they answer. */
export const askedProvenance = (columns: Parameters<typeof columnsProvenance>[0], question: string): string =>
	[columnsProvenance(columns), questionPhrase([{ question }])].filter((words) => words !== '').join(' · ');

/** The columns of some work. @throws InputError when there are fewer than two */
function columnsOf(work: Work): readonly StudyColumn[] {
	const columns = required(work.columns, 'columns');
	const problem = nothingBeside(columns);
	if (problem !== undefined) throw new InputError(problem);
	return columns;
}

const obstacle = ({ columns }: Pick<Work, 'columns'>) => columns && nothingBeside(columns);

/** Goes over the columns, one after the other; each has its share of the progress. */
async function each<T>(
	columns: readonly StudyColumn[],
	{ signal, onProgress }: Control,
	work: (column: StudyColumn, control: Control) => Promise<T>
): Promise<T[]> {
	const results: T[] = [];
	for (const [i, column] of columns.entries()) {
		signal?.throwIfAborted();
		const share = ({ done, total }: { done: number; total: number }) =>
			onProgress?.({ done: i * total + done, total: columns.length * total });
		results.push(await work(column, { signal, onProgress: share }));
	}
	return results;
}

interface MappedColumn extends ColumnLabel {
	readonly letter: string;
	readonly subject: Subject;
	readonly shown: LocalityRows & LocatedMap;
}

/** What models say of maps of their tokens, each once, with its model's name where not all say the same; null when none says anything. */
export function caveatOf(manifests: readonly Pick<ModelManifest, 'name' | 'provenance'>[]): string | null {
	const said = new Map(manifests.map(({ name, provenance }) => [name, provenance.caveat]));
	const [first] = said.values();
	if ([...said.values()].every((caveat) => caveat === first)) return first ?? null;
	return [...said]
		.flatMap(([name, caveat]) => (caveat === undefined ? [] : [`${name}: ${caveat}`]))
		.join(' ');
}

/** Every column's map. @throws InputError when a projector does not offer the method; as `measure` */
async function measureMaps(
	work: Work,
	{ method, directions }: Choices,
	control: Control,
	columns = columnsOf(work)
): Promise<readonly MappedColumn[]> {
	const measurement = { method, directions };
	return each(columns, control, async ({ maps, subject, letter, name, colour }, of) => ({
		...{ letter, name, colour, subject },
		shown: locatedMap(await maps.get(subject, measurement, of), subject, measurement)
	}));
}

const ofMaps = <Rows>(
	more: FigureStudy['choices'],
	rows: (columns: readonly MappedColumn[], choices: Choices) => Rows,
	columns = columnsOf
): FigureStudy<readonly MappedColumn[], Rows> => ({
	page: 'compare',
	needs: ['model', 'image', 'columns'],
	obstacle,
	choices: ['method', 'directions', ...more],
	measure: (work, choices, control) => measureMaps(work, choices, control, columns(work)),
	show: (mapped, choices) => ({
		rows: rows(mapped, choices),
		provenance: columnsProvenance(mapped),
		method: columnsPhrase(
			mapped.map(({ subject }) => subject),
			choices
		)
	})
});

export const compareGridsStudy = ofMaps([], (columns): ColumnGrids =>
	columnGrids(
		columns[0]!.shown,
		columns.map((column) => ({ ...column, note: '' }))
	)
);

/** The picture under the maps of all columns: that of the first. */
type Pictured<Rows> = Rows & { readonly image: ReturnType<typeof pictureOf> };

export const compareTokensStudy = ofMaps(['token'], (columns, choices): Pictured<ColumnTokens> => {
	const [{ shown, subject }] = columns as readonly [MappedColumn];
	const M = shown.map.tokens;
	return {
		...columnTokens(shown, columns, { token: tokenOf(choices, M, shown.map.grid), M }),
		image: pictureOf(subject)
	};
});

const firstTwo = (work: Work) => columnsOf(work).slice(0, 2);

export const differenceMapStudy = ofMaps(
	['difference', 'token'],
	(columns, choices): Pictured<MapDifference> => {
		const [a, b] = columns.map(({ letter, shown }) => ({ letter, ...shown })) as [LettredMap, LettredMap];
		const picture = { image: pictureOf(columns[0]!.subject) };
		if (choices.difference === 'cover') return { ...coverDifference(a, b), ...picture };
		const difference = tokenDifference(a, b, choices.token ?? 0);
		if (difference === undefined)
			throw new InputError(
				`There is no token ${choices.token ?? 0} in column A, or none at its place in column B.`
			);
		return { ...difference, ...picture };
	},
	firstTwo
);
type LettredMap = LocalityRows & LocatedMap & { readonly letter: string };

interface MeasuredTokens {
	readonly columns: readonly StudyColumn[];
	readonly tokens: readonly TokenMatrix[];
}

export const tokenSimilarityStudy: FigureStudy<
	MeasuredTokens,
	Similarity & { readonly a: string; readonly b: string }
> = {
	page: 'compare',
	needs: ['model', 'image', 'columns'],
	obstacle,
	choices: [],
	async measure(work, _choices, control) {
		const columns = firstTwo(work);
		const tokens = await each(columns, control, ({ answerer, subject }, of) =>
			visualTokens(answerer, subject.request, subject.tokens, of)
		);
		return { columns, tokens };
	},
	show: ({ columns, tokens }) => ({
		rows: { a: columns[0]!.letter, b: columns[1]!.letter, ...similarity(tokens[0]!, tokens[1]!) },
		provenance: columnsProvenance(columns)
	})
};

interface MeasuredColumnTimes {
	readonly columns: readonly StudyColumn[];
	readonly question: string;
	readonly times: readonly WarmTimes[];
}

export const stageTimesStudy: FigureStudy<MeasuredColumnTimes, ColumnTimes> = {
	page: 'compare',
	needs: ['model', 'image', 'question', 'columns'],
	obstacle,
	choices: [],
	slow: true,
	async measure(work, _choices, control) {
		const columns = columnsOf(work);
		const question = work.question ?? TIMED_QUESTION;
		const targets = columns.map(({ answerer, subject }) => ({ answerer, ...subject.request, question }));
		return { columns, question, times: await timeStages(targets, control) };
	},
	show: ({ columns, question, times }) => ({
		rows: columnTimes(columns.map(({ name, colour }, i) => ({ name, colour, times: times[i]! }))),
		provenance: timesProvenance(
			columns.map(({ letter, subject }, i) => ({ letter, subject, times: times[i]! })),
			question
		),
		method: timesPhrase
	})
};

export const timesPhrase = `median of ${TIMED_RUNS} runs, quartiles`;

/** What was timed in each column, one line; '' where nothing was. */
export function timesProvenance(
	columns: readonly {
		readonly letter: string;
		readonly subject: Pick<Subject, 'provenance'>;
		readonly times: Pick<WarmTimes, 'prompt_positions'>;
	}[],
	question: string
): string {
	if (columns.length === 0) return '';
	const timed = columns.map(
		({ letter, subject, times: { prompt_positions } }) =>
			`${letter}: ${subject.provenance}, ${prompt_positions} positions in the prompt`
	);
	return `${timed.join('; ')} · ${questionPhrase([{ question }])}`;
}

interface MeasuredScores {
	readonly columns: readonly StudyColumn[];
	readonly question: string;
	readonly rows: ColumnScores;
}

/** Every column answers the question, then scores what every column has answered. @throws as `ask` and `scoreAnswer` */
async function measureScores(work: Work, { signal, onProgress }: Control): Promise<MeasuredScores> {
	const columns = columnsOf(work);
	const question = work.question ?? TIMED_QUESTION;
	const total = columns.length + columns.length ** 2;
	let done = 0;
	const count = () => onProgress?.({ done: ++done, total });
	const sampling = { ...greedy, max_new_tokens: MAX_NEW_TOKENS };
	const written = await each(columns, { signal }, async ({ answerer, subject }) => {
		const result = await ask(
			answerer,
			{ ...questionRequest(subject.request, question), sampling },
			{ signal }
		);
		count();
		return writtenAnswer(result, subject.manifest);
	});
	const byScorer = await each(columns, { signal }, async ({ answerer, subject }) => {
		const scores = [];
		for (const answer of written) {
			const { manifest, request } = subject;
			scores.push(
				answer && wordsOf(await scoreAnswer(answerer, manifest.name, request, question, answer, { signal }))
			);
			count();
		}
		return scores;
	});
	return {
		columns,
		question,
		rows: {
			columns: columns.map(({ name, colour }) => ({ name, colour })),
			scores: columns.map((_, writer) => byScorer.map((scores) => scores[writer]))
		}
	};
}

const ofScores = <Rows>(
	choices: FigureStudy['choices'],
	rows: (scores: ColumnScores, choices: Choices) => Rows
): FigureStudy<MeasuredScores, Rows> => ({
	page: 'compare',
	needs: ['model', 'image', 'question', 'columns'],
	obstacle,
	choices,
	measure: (work, _choices, control) => measureScores(work, control),
	show: (measured, chosen) => ({
		rows: rows(measured.rows, chosen),
		provenance: askedProvenance(measured.columns, measured.question),
		method: 'forced decoding'
	})
});

export const scoreMatrixStudy = ofScores([], (scores) => scores);

export const wordScoresStudy = ofScores(['source'], (scores, { source }): ColumnWords => {
	const words = columnWords(scores, source);
	if (words === undefined)
		throw new InputError(`Column ${source} has no answer; choose one of 0 to ${scores.columns.length - 1}.`);
	return words;
});

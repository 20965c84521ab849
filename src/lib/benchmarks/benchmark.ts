import type { SourceFolder } from '../checkpoint/source.ts';
import type { Data, ExampleImage, FieldKind } from './data.ts';
import type { PosedQuestion, QuestionSet } from '../model/text/posed-question.ts';
import type { Columns } from './formats/columns.ts';
import type { PublishedBenchmark } from './published.ts';

export type { Data, ExampleImage, FieldKind } from './data.ts';

/** One question. */
export interface Example<D extends Data = Data> {
	/** Position in the benchmark from 0, upstream's dataset index. */
	readonly id: number;
	readonly images: readonly ExampleImage[];
	/** Empty when `unusable` says that the row could not be read. */
	readonly data: D;
	/** Why it cannot be asked, a sentence, e.g. that it does not say what is right: runs leave it out and count it. */
	readonly unusable?: string;
}

/** A question and what the model wrote. */
export interface Result<D extends Data = Data> {
	readonly id: number;
	/** Generated text, special tokens left out, not stripped. */
	readonly pred: string;
	/** Further answers to the same question, where it was asked several times. */
	readonly repeats?: readonly string[];
	readonly data: D;
}

export interface Score {
	readonly name: string;
	readonly value: number;
	/** '%' is 0 to 100, 'share' 0 to 1, 'points' the benchmark's own. */
	readonly unit: '%' | 'share' | 'points';
}

/** Rows of a table in the order upstream prints them; the first column names the row. */
export interface Table {
	readonly title: string;
	readonly columns: readonly string[];
	readonly rows: readonly (readonly (string | number)[])[];
}

/** What became of one answer. */
export interface Outcome {
	readonly id: number;
	/** What tells the question from all others in the results of any tool (`identified`); runs are paired by it. */
	readonly question?: string;
	/** Category the answer counts in; from coarse to fine. */
	readonly categories: readonly string[];
	/** What the answer was taken for; null when it could not be understood. */
	readonly parsed: string | null;
	/** Taken at random, as upstream does with answers that it cannot understand. */
	readonly drawn: boolean;
	/** There is no answer: empty, or the harness says that the call failed. Never right, never drawn. */
	readonly unanswered?: 'empty' | 'failed';
	/** The rule takes it for something that its words do not say. */
	readonly unclear?: true;
	/** 0 to 1; the mean where the question was asked several times. */
	readonly credit: number;
	/** Of each answer, where the question was asked several times (`scoreRepeats`); the other fields are those of the first. */
	readonly repeats?: readonly Outcome[];
}

/**
 * What counts as one in an interval: answers that do not vary independently of each other. The headline score is
 * `sum` over `count` in each stratum, combined over strata.
 */
export interface Unit {
	readonly stratum: string;
	readonly categories: readonly string[];
	readonly sum: number;
	readonly count: number;
	/** Examples in it. */
	readonly ids: readonly number[];
}

export interface OutputFile {
	/** Relative to the folder of the run. */
	readonly path: string;
	readonly content: string | Uint8Array;
}

export interface Report {
	readonly benchmark: string;
	/** The first one is the headline; none when a judge has to score. */
	readonly scores: readonly Score[];
	readonly tables: readonly Table[];
	readonly outcomes: readonly Outcome[];
	readonly units: readonly Unit[];
	/** Largest sum over count of a unit; 100. */
	readonly unitMost?: number;
	/** How the strata make the headline score. */
	readonly combine: 'sum' | 'mean';
	/** Files for an official judge or server. */
	readonly files: readonly OutputFile[];
	/** Sentences that a reader of the scores has to know. */
	readonly notes: readonly string[];
}

/**
 * A benchmark: reads the official files, asks as upstream asks, scores as upstream scores. One file each.
 * @template D what upstream keeps of an example beside the prediction
 */
export interface Benchmark<D extends Data = Data> {
	/** Word on the command line. */
	readonly name: string;
	readonly title: string;
	/** Name of upstream's task class, which begins its output files; absent when upstream has none. */
	readonly upstreamTask?: string;
	/** What has to lie in the folder, a line each. */
	readonly files: readonly string[];
	/** Column of the published tables (`published.json`) that scores the same. */
	readonly publishedAs?: PublishedBenchmark;
	/** Its files come with the workbench. */
	readonly builtIn?: {
		/** Where they lie in `static/`. */
		readonly folder: string;
		/** What they are, a phrase. */
		readonly about: string;
	};
	/** Split of a model's own evaluation record (`evaluation.ts`) that asks the same. */
	readonly split?: string;
	/** Number of examples of the official set, when scores of another number are not comparable. */
	readonly officialCount?: number;
	/** Upstream's generation settings; greedy. */
	readonly generation: { readonly max_new_tokens: number };
	/** Fields that `score` reads. */
	readonly fields: { readonly [F in keyof D]?: FieldKind };
	/** Adds what upstream's result files lack of the fields that `score` reads. */
	complete?(data: Data): Data;
	/**
	 * What `score` reads, from a row of another tool (lmms-eval, VLMEvalKit); absent: their answers cannot be taken in.
	 * @throws InputError naming the column that is missing
	 */
	fromRow?(row: Columns): D;
	/** What tells a question from all others in the results of any tool; absent: its id and truth. */
	identity?(data: D): string;
	/**
	 * Made by `examplesOfRows`, in which an odd row ends nothing.
	 * @throws InputError naming the file that cannot be used
	 */
	examples(folder: SourceFolder): AsyncIterable<Example<D>>;
	/** The whole prompt in Honeybee's words, with one `<image>` for each image. */
	prompt(data: D, imageCount: number): string;
	/** Its questions taken apart, for models that are asked in words of their own; absent where everyone is asked the same. */
	readonly posed?: {
		readonly set: QuestionSet;
		question(data: D): PosedQuestion;
	};
	/** @param results by id, not necessarily all */
	score(results: readonly Result<D>[]): Report;
}

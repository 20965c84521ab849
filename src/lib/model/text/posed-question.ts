/** A question of a benchmark, taken apart, so that each kind of model can word it as those who published it did. */

/** Data sets by the names that papers have for them. */
export type QuestionSet =
	'MME' | 'POPE' | 'MMBench' | 'SEED-Bench' | 'ScienceQA' | 'MMMU' | 'MM-Vet' | 'LLaVA-Bench' | 'OwlEval';

/** What is to be answered: yes or no, the letter of an option, a word or phrase, anything. */
export type QuestionKind = 'yes-no' | 'choice' | 'short' | 'open';

export interface PosedQuestion {
	readonly kind: QuestionKind;
	/** As the data set has it, without hint, options and instructions that are not its own. */
	readonly text: string;
	/** What the data set gives beside it, where it gives something. */
	readonly hint?: string;
	/** In order, of A, B, …; of a choice alone. */
	readonly options?: readonly string[];
}

/** A question in somebody's words. */
export interface WordedQuestion {
	/** What the human says; it may hold the model's placeholder for pictures that stand within it. */
	readonly text: string;
	/** What the answer begins with, in the prompt already. */
	readonly begins?: string;
}

/** How the questions of a data set are worded by those who published a kind of model. */
export interface SetWording {
	/** Where it is published: file and commit, a phrase. */
	readonly source: string;
	/** @param pictures how many there are with it */
	readonly ask: (question: PosedQuestion, pictures: number) => WordedQuestion;
}

/** The wording of each data set; undefined for one of which none is published. */
export type Wording = (set: QuestionSet) => SetWording | undefined;

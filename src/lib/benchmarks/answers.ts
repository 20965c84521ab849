import { percent, rightOf } from './accuracy.ts';
import type { Outcome, Score } from './benchmark.ts';

/** Why a text is no answer: empty, or what a harness writes for a call that failed (VLMEvalKit); undefined when it is one. */
export function unansweredBy(pred: string): Outcome['unanswered'] {
	const text = pred.trim();
	if (text === '') return 'empty';
	return text.startsWith('Failed to obtain answer') ? 'failed' : undefined;
}

/** What `unansweredBy` finds, as an outcome has it: nothing for an answer. */
export function unansweredOf(pred: string): Pick<Outcome, 'unanswered'> {
	const unanswered = unansweredBy(pred);
	return unanswered === undefined ? {} : { unanswered };
}

/** Answers that say nothing about what was asked, counted apart. */
export interface AnswerCounts {
	/** All answers. */
	readonly of: number;
	/** Empty. */
	readonly missing: number;
	/** The call failed. */
	readonly failed: number;
	/** Not understood by the rule, or taken for something that their words do not say. */
	readonly unread: number;
	/** Drawn at random, since not understood. */
	readonly drawn: number;
}

/** Share of such answers from which a score is to be looked at twice. */
const ALARMING = 0.03;

/** Every answer's outcome, those of repeats included. */
const each = (outcomes: readonly Outcome[]) => outcomes.flatMap((outcome) => outcome.repeats ?? [outcome]);

export function countAnswers(questions: readonly Outcome[]): AnswerCounts {
	const outcomes = each(questions);
	const count = (fits: (outcome: Outcome) => boolean) => outcomes.filter(fits).length;
	return {
		of: outcomes.length,
		missing: count(({ unanswered }) => unanswered === 'empty'),
		failed: count(({ unanswered }) => unanswered === 'failed'),
		unread: count((outcome) => isUnread(outcome) || outcome.unclear === true),
		drawn: count(({ drawn }) => drawn)
	};
}

/** E.g. "of 40 answers 2 missing, 3 unread"; empty when all were given and read. */
export function countWords(counts: AnswerCounts): string {
	const kinds = { missing: 'missing', failed: 'failed', unread: 'unread', drawn: 'drawn at random' } as const;
	const told = (Object.keys(kinds) as (keyof typeof kinds)[])
		.filter((kind) => counts[kind] > 0)
		.map((kind) => `${counts[kind]} ${kinds[kind]}`);
	return told.length > 0 ? `of ${counts.of} answers ${told.join(', ')}` : '';
}

/** Whether more than a few per cent of the answers say nothing. */
export const isAlarming = ({ of, missing, failed, unread, drawn }: AnswerCounts): boolean =>
	missing + failed + unread + drawn > ALARMING * of;

/**
 * The letter that an answer names, with or without its text or words around it; undefined when not exactly one. As VLMEvalKit's
 * `can_infer_option` reads: marks are blanks, and a letter counts among the last four words only when the answer is longer ("A" may be
 * an article).
 */
export function namedLetter(pred: string, letters: readonly string[]): string | undefined {
	if (unansweredBy(pred)) return undefined;
	const words = pred.split(/[\s.()[\],:;!*#{}]+/).filter((word) => word !== '');
	const named = letters.filter((letter) => words.includes(letter));
	return named.length === 1 && words.lastIndexOf(named[0]!) > words.length - 5 ? named[0] : undefined;
}

const are = (n: number) => (n === 1 ? 'was' : 'were');

/** Sentences about answers that are missing or could not be read; none when all were. */
export function answerNotes(outcomes: readonly Outcome[]): string[] {
	const { of, missing, failed } = countAnswers(outcomes);
	const unread = each(outcomes).filter(isUnread).length;
	return [
		...(missing + failed > 0
			? [
					`${missing + failed} of ${of} not answered (${missing} empty, ${failed} where the call failed); none of them counts as right.`
				]
			: []),
		...(unread > 0
			? [`${unread} of ${of} answers could not be read by upstream's rule; none of them counts as right.`]
			: [])
	];
}

/** Answered, but in words that the rule cannot read. */
export const isUnread = ({ parsed, drawn, unanswered }: Outcome) => parsed === null && !drawn && !unanswered;

/**
 * The score of a lenient reading, which stands beside upstream's; nothing when upstream's rule reads every answer.
 * @param credits of the lenient reading, in the order of the outcomes
 * @param how the lenient reading is done, a phrase
 */
export function lenientReading(
	outcomes: readonly Outcome[],
	credits: readonly number[],
	how: string
): { readonly scores: Score[]; readonly notes: string[] } {
	if (!outcomes.some((outcome) => outcome.drawn || isUnread(outcome))) return { scores: [], notes: [] };
	const read = outcomes.map((outcome, i) => ({ ...outcome, credit: credits[i]! }));
	const value = percent(read);
	return {
		scores: [{ name: 'accuracy, lenient', value, unit: '%' }],
		notes: [
			`Read leniently (${how}; nothing is drawn), ${rightOf(read)} of ${read.length} are right: ${value.toFixed(1)} %.`
		]
	};
}

/** An answer whose truth is the letter of an option. */
export interface LetterAnswer {
	readonly pred: string;
	/** Of the options. */
	readonly letters: readonly string[];
	readonly truth: string;
}

/**
 * The lenient reading of answers that name options: a letter with its text or words around it, where upstream's rule does not read it.
 * @param answers in the order of the outcomes
 */
export function letterReading(
	outcomes: readonly Outcome[],
	answers: readonly LetterAnswer[]
): ReturnType<typeof lenientReading> {
	const credits = outcomes.map((outcome, i) => {
		const { pred, letters, truth } = answers[i]!;
		return outcome.drawn || isUnread(outcome) ? Number(namedLetter(pred, letters) === truth) : outcome.credit;
	});
	return lenientReading(outcomes, credits, 'a letter with its text or words around it, as VLMEvalKit reads');
}

/** Python's seed for answers that are drawn: that of upstream's MMBench; where upstream draws unseeded, it makes the score repeatable. */
export const DRAWING_SEED = 2680;

/** How many answers were drawn. */
export function drawnNote(outcomes: readonly Outcome[], what: string): string[] {
	const drawn = outcomes.filter((outcome) => outcome.drawn);
	return drawn.length === 0
		? []
		: [
				`${drawn.length} of ${outcomes.length} answers ${what} and ${are(drawn.length)} drawn at random, as upstream does (here with Python's seed ${DRAWING_SEED}); ${rightOf(drawn)} of them came out right.`
			];
}

import { percent, rightOf } from './accuracy.ts';
import type { Outcome, Score } from './benchmark.ts';

/** Whether a text is no answer: empty, or what a harness writes for a call that failed (VLMEvalKit). */
export function isUnanswered(pred: string): boolean {
	const text = pred.trim();
	return text === '' || text.startsWith('Failed to obtain answer');
}

/**
 * The letter that an answer names, with or without its text or words around it; undefined when not exactly one. As VLMEvalKit's
 * `can_infer_option` reads: marks are blanks, and a letter counts among the last four words only when the answer is longer ("A" may be
 * an article).
 */
export function namedLetter(pred: string, letters: readonly string[]): string | undefined {
	if (isUnanswered(pred)) return undefined;
	const words = pred.split(/[\s.()[\],:;!*#{}]+/).filter((word) => word !== '');
	const named = letters.filter((letter) => words.includes(letter));
	return named.length === 1 && words.lastIndexOf(named[0]!) > words.length - 5 ? named[0] : undefined;
}

const are = (n: number) => (n === 1 ? 'was' : 'were');

/** Sentences about answers that are missing or could not be read; none when all were. */
export function answerNotes(outcomes: readonly Outcome[]): string[] {
	const missing = outcomes.filter(({ unanswered }) => unanswered).length;
	const unread = outcomes.filter(isUnread).length;
	const of = outcomes.length;
	return [
		...(missing > 0
			? [`${missing} of ${of} not answered (empty, or the call failed); none of them counts as right.`]
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

/** What `namedLetter` does, for `lenientReading`. */
export const LETTER_AMONG_WORDS = 'a letter with its text or words around it, as VLMEvalKit reads';

/** How many answers were drawn. @param seed of Python's generator */
export function drawnNote(outcomes: readonly Outcome[], what: string, seed: number): string[] {
	const drawn = outcomes.filter((outcome) => outcome.drawn);
	return drawn.length === 0
		? []
		: [
				`${drawn.length} of ${outcomes.length} answers ${what} and ${are(drawn.length)} drawn at random, as upstream does (here with Python's seed ${seed}); ${rightOf(drawn)} of them came out right.`
			];
}

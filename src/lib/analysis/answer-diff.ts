import { InputError } from '../tensor/errors.ts';

/** A run of an answer compared with another one. */
export interface DiffPart {
	readonly kind: 'same' | 'removed' | 'added';
	readonly words: readonly string[];
}

/**
 * Words of `a` and `b` by their longest common subsequence: 'removed' ones are only in a, 'added' ones only in b. Where both stand at
 * one place the removed come first. Words are compared as written, punctuation included.
 */
export function diffWords(a: string, b: string): DiffPart[] {
	const left = wordsOf(a);
	const right = wordsOf(b);
	const width = right.length + 1;
	const common = new Uint32Array((left.length + 1) * width);
	for (let i = left.length - 1; i >= 0; i--)
		for (let j = right.length - 1; j >= 0; j--)
			common[i * width + j] =
				left[i] === right[j]
					? common[(i + 1) * width + j + 1]! + 1
					: Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);

	const parts: { kind: DiffPart['kind']; words: string[] }[] = [];
	const push = (kind: DiffPart['kind'], word: string) => {
		const last = parts[parts.length - 1];
		if (last?.kind === kind) last.words.push(word);
		else parts.push({ kind, words: [word] });
	};
	let i = 0;
	let j = 0;
	while (i < left.length || j < right.length) {
		if (i < left.length && j < right.length && left[i] === right[j]) {
			push('same', left[i++]!);
			j++;
		} else if (
			i < left.length &&
			(j === right.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
		)
			push('removed', left[i++]!);
		else push('added', right[j++]!);
	}
	return parts;
}

/** Words of a text: what stands between white space. */
export function wordsOf(text: string): string[] {
	return text.split(/\s+/u).filter((word) => word !== '');
}

/** For each of several answers, which of its words not all the others have at that place: to mark in columns side by side. */
export function markDifferences(
	answers: readonly string[]
): { readonly word: string; readonly differs: boolean }[][] {
	return answers.map((answer, column) => {
		const words = wordsOf(answer);
		const differs = words.map(() => false);
		answers.forEach((other, otherColumn) => {
			if (otherColumn === column) return;
			let at = 0;
			for (const { kind, words: run } of diffWords(answer, other)) {
				if (kind === 'added') continue;
				if (kind === 'removed') differs.fill(true, at, at + run.length);
				at += run.length;
			}
		});
		return words.map((word, i) => ({ word, differs: differs[i]! }));
	});
}

/** A word of a generated answer and the tokens it was written with. */
export interface AnswerWord {
	readonly word: string;
	/** Tokens [from, to) of the answer. White space belongs to the word after it. */
	readonly from: number;
	readonly to: number;
}

/**
 * Groups tokens to words. A token belongs to the word that its last visible character belongs to; tokens that show nothing (the first
 * bytes of a character, white space, an end token) go with the word after them, at the end with the last one.
 * @param texts text of the answer after each token, whole (as answers report it)
 */
export function answerWords(texts: readonly string[]): AnswerWord[] {
	const text = texts[texts.length - 1] ?? '';
	const spans = Array.from(text.matchAll(/\S+/gu), (match) => ({
		word: match[0],
		end: match.index + match[0].length
	}));
	// An incomplete character shows as U+FFFD until its last byte has come: not visible yet.
	const visible = texts.map((soFar) => soFar.replace(/[\s\uFFFD]+$/u, '').length);
	const words: { word: string; from: number; to: number }[] = [];
	let token = 0;
	for (const { word, end } of spans) {
		const from = token;
		// A token that ended the word before may hold this one whole: both have it.
		if (from > 0 && visible[from - 1]! >= end) {
			words.push({ word, from: from - 1, to: from });
			continue;
		}
		while (token < texts.length - 1 && visible[token]! < end) token++;
		words.push({ word, from, to: ++token });
	}
	const last = words[words.length - 1];
	if (last) last.to = texts.length;
	return words;
}

/** A word's log-probability under two conditions. */
export interface WordDelta extends AnswerWord {
	/** Sum over the word's tokens, nats. */
	readonly before: number;
	readonly after: number;
	/** after − before: negative when the word became less likely. */
	readonly delta: number;
}

/** @param before @param after log-probability of each token of the same answer, nats */
export function wordDeltas(
	words: readonly AnswerWord[],
	before: ArrayLike<number>,
	after: ArrayLike<number>
): WordDelta[] {
	if (before.length !== after.length)
		throw new InputError(
			`The two scorings must be of the same answer, got ${before.length} and ${after.length} tokens.`
		);
	const sum = (values: ArrayLike<number>, { from, to }: AnswerWord) => {
		let total = 0;
		for (let i = from; i < to && i < values.length; i++) total += values[i]!;
		return total;
	};
	return words.map((word) => {
		const [old, now] = [sum(before, word), sum(after, word)];
		return { ...word, before: old, after: now, delta: now - old };
	});
}

/** What stands at one place of two answers: a word of the one before, of the one after, or both. */
export interface WordPair {
	readonly before?: WordDelta;
	readonly after?: WordDelta;
	/** Index of the word before among its answer's words. */
	readonly index?: number;
}

/** Puts the words of two answers side by side: equal ones as `diffWords` finds them, and others in their order between those. */
export function alignWords(before: readonly WordDelta[], after: readonly WordDelta[]): WordPair[] {
	const joined = (words: readonly WordDelta[]) => words.map(({ word }) => word).join(' ');
	const pairs: WordPair[] = [];
	let i = 0;
	let j = 0;
	const pair = (left: number, right: number) => {
		for (let k = 0; k < Math.max(left, right); k++)
			pairs.push({
				...(k < left && { before: before[i]!, index: i++ }),
				...(k < right && { after: after[j++]! })
			});
	};
	const parts = diffWords(joined(before), joined(after));
	parts.forEach(({ kind, words }, at) => {
		const next = parts[at + 1];
		if (kind === 'same') pair(words.length, words.length);
		else if (kind === 'removed') pair(words.length, next?.kind === 'added' ? next.words.length : 0);
		else if (parts[at - 1]?.kind !== 'removed') pair(0, words.length);
	});
	return pairs;
}

import { expect, it } from 'vitest';
import { refuseOtherIds } from '../../../../src/lib/model/text/library-limits.ts';

const split = (behavior: string, invert = false, pattern: object = { Regex: '\\s' }) => ({
	type: 'Split',
	pattern,
	behavior,
	invert
});
const within = (...pretokenizers: object[]) => ({ pre_tokenizer: { type: 'Sequence', pretokenizers } });

it.each([
	['Isolated', split('Isolated')],
	['Removed, inverted, as tiktoken is converted', split('Removed', true)],
	['Removed by a pattern', split('Removed')],
	['Punctuation', { type: 'Punctuation', behavior: 'Isolated' }],
	['Digits', { type: 'Digits', individual_digits: true }]
])('%s is taken', (_name, part) => {
	expect(() => refuseOtherIds(within(part, { type: 'ByteLevel' }))).not.toThrow();
});

it.each([
	[split('MergedWithPrevious'), /Split, MergedWithPrevious/],
	[split('MergedWithNext'), /Split, MergedWithNext/],
	[split('Contiguous'), /Split, Contiguous/],
	[split('Isolated', true), /Split, Isolated, inverted/],
	[split('Removed', false, { String: ' ' }), /Split, Removed/],
	[{ type: 'Punctuation', behavior: 'Removed' }, /Punctuation, Removed/],
	[{ type: 'Whitespace' }, /by Whitespace/]
])('%j is refused by name', (part, message) => {
	expect(() => refuseOtherIds(within(part, { type: 'ByteLevel' }))).toThrow(message);
	expect(() => refuseOtherIds({ pre_tokenizer: part })).toThrow(message);
});

it('an added token that must be a word of its own is refused', () => {
	const added_tokens = [{ id: 1, content: 'word', single_word: true }];
	expect(() => refuseOtherIds({ added_tokens })).toThrow(/"word".*single_word/);
});

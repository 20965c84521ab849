import { describe, expect, it } from 'vitest';
import { readTurns } from '../../../src/lib/study/turns-file.ts';

const turns = [
	{ question: 'One?', answer: 'A' },
	{ question: 'Two?', answer: 'B' }
];
const messages = turns.flatMap(({ question, answer }) => [
	{ role: 'user', content: question },
	{ role: 'assistant', content: answer }
]);

describe('earlier turns of a file', () => {
	it.each([
		['a list', turns],
		['what the chat exports', { format: 'honeybee-conversation', version: 1, exchanges: turns }],
		['messages', messages],
		['messages in an object', { messages }],
		['none', []]
	])('are those of %s', (_, value) => {
		const read = readTurns(JSON.stringify(value), 't.json');
		expect(read).toEqual(Array.isArray(value) && value.length === 0 ? [] : turns);
	});

	it.each([
		['{', /^t\.json is no JSON; give the chat’s export/],
		['{"format": "other"}', /^t\.json holds no conversation; give/],
		['[{"question": "One?"}]', /^Turn 1 of t\.json is no question with its answer; give/],
		['[{"question": " ", "answer": "A"}]', /^Turn 1 of t\.json is no question/],
		[JSON.stringify(messages.slice(0, 3)), /^The messages of t\.json are not by user and assistant in turns/],
		[JSON.stringify(messages.slice(1)), /^The messages of t\.json are not by user and assistant in turns/],
		[
			JSON.stringify({ format: 'honeybee-conversation', exchanges: [{ ...turns[0], error: 'gone' }] }),
			/^Turn 1 of t\.json has an answer that was cut off/
		]
	])('are not read from %s', (text, message) => {
		expect(() => readTurns(text, 't.json')).toThrow(message);
	});
});

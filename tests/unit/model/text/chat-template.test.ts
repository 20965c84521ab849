import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderChat, type ChatMessage } from '../../../../src/lib/model/text/chat-template.ts';

const root = new URL('../../../fixtures/families/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Case {
	readonly messages: readonly ChatMessage[];
	readonly prompt: string;
}

describe.each([
	[
		'smolvlm-256m',
		(JSON.parse(read('smolvlm-256m/checkpoint/chat_template.json')) as Record<string, string>).chat_template!
	],
	['smolvlm2', read('smolvlm2/checkpoint/chat_template.jinja')]
])('the template of %s', (set, template) => {
	const { cases } = JSON.parse(read(`${set}/golden.json`)) as { cases: Record<string, Case> };
	it.each(Object.entries(cases))('%s', (_name, { messages, prompt }) => {
		expect(renderChat(template, messages)).toBe(prompt);
	});
});

describe('a template', () => {
	const messages: readonly ChatMessage[] = [{ role: 'user', content: 'Hello' }];
	it('gets the variables that it asks for', () => {
		expect(renderChat('{{ bos_token }}{{ messages[0].content }}', messages, { bos_token: '<s>' })).toBe(
			'<s>Hello'
		);
	});
	it.each([
		['{% for message in messages %}', /chat template cannot write/],
		["{{ raise_exception('Only the user may begin') }}", /Only the user may begin/]
	])('that fails is one sentence: %s', (template, message) => {
		expect(() => renderChat(template, messages)).toThrow(message);
	});
});

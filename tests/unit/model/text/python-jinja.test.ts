import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderChat, type ChatMessage } from '../../../../src/lib/model/text/chat-template.ts';

const { messages, cases } = JSON.parse(
	readFileSync(new URL('../../../fixtures/jinja/expected.json', import.meta.url), 'utf8')
) as { messages: readonly ChatMessage[]; cases: readonly { template: string; text: string }[] };

it.each(cases)('$template is what Python prints', ({ template, text }) => {
	expect(renderChat(template, messages)).toBe(text);
});

it.each([
	'{% for m in messages %}{{ m.role }}{% if loop.first %}{% continue %}{% endif %}!{% endfor %}',
	'{% for m in messages %}{% if m.content %}{{ m.role }}{% endif %}{% break %}{% endfor %}'
])('%s is refused: text would be lost', (template) => {
	expect(() => renderChat(template, messages)).toThrow(/after it printed something/);
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { families } from '../../../../src/lib/model/families/registry.ts';

const fixtures = new URL('../../../fixtures/families/', import.meta.url);
const read = (path: string) =>
	JSON.parse(readFileSync(new URL(path, fixtures), 'utf8')) as Record<string, unknown>;
const turns = [
	{ question: 'One?', imageCount: 1, answer: 'A' },
	{ question: 'Two?', imageCount: 0 }
];
const settings = { template: 'chat', variables: {} };
const chat =
	"{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% else %}{% for item in m.content %}{% if item.type == 'text' %}{{ item.text }}{% else %}[picture]{% endif %}{% endfor %}{% endif %}{% endfor %}";
const SYSTEM = 'Answer in rhymes.';

describe('a system message', () => {
	it.each(families.map(({ title, prompt }) => ({ title, prompt })))(
		'stands once, before the first question, in place of what else stands there: $title',
		({ prompt: { conversation } }) => {
			const of = (system?: string) => conversation(turns, { ...settings, chat_template: chat }, system).text;
			const written = of(SYSTEM);
			expect(written.split(SYSTEM)).toHaveLength(2);
			expect(written.indexOf(SYSTEM)).toBeLessThan(written.indexOf('One?'));
			// Nothing else is another than without it.
			const after = (text: string) => text.slice(text.indexOf('One?'));
			expect(after(written)).toBe(after(of()));
			expect(of()).not.toContain(SYSTEM);
			for (const said of ['curious human', 'curious user', 'helpful, respectful'])
				expect(written).not.toContain(said);
		}
	);

	it('is written by the template of a published model', () => {
		const { prompt } = families.find(({ title }) => title.startsWith('SmolVLM'))!;
		const template = read('smolvlm-256m/checkpoint/chat_template.json');
		const { text } = prompt.conversation(turns, { ...settings, ...template }, SYSTEM);
		expect(text).toContain(`System: ${SYSTEM}`);
	});

	it('is refused where the form or the template has no place for it', () => {
		const smol = families.find(({ title }) => title.startsWith('SmolVLM'))!.prompt;
		const without = chat.replace('<{{ m.role }}>', "{% if m.role == 'system' %}{% continue %}{% endif %}");
		const refusal = /has no place for a system message; put its words into the question/;
		expect(() => smol.conversation(turns, { ...settings, chat_template: without }, SYSTEM)).toThrow(refusal);
		const nano = families.find(({ title }) => title.startsWith('nanoVLM'))!.prompt;
		expect(() => nano.conversation(turns, { template: 'questions', variables: {} }, SYSTEM)).toThrow(refusal);
	});
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { families } from '../../../../src/lib/model/families/registry.ts';
import type { PosedQuestion, QuestionSet } from '../../../../src/lib/model/text/posed-question.ts';

/** What the published code itself makes of the questions (tests/fixtures/wording/make.py). */
const cases = JSON.parse(
	readFileSync(new URL('../../../fixtures/wording/wording.json', import.meta.url), 'utf8')
) as readonly {
	readonly family: string;
	readonly set: QuestionSet;
	readonly question: PosedQuestion;
	readonly text: string;
	/** The text is the whole prompt, template and what the answer begins with included. */
	readonly whole?: true;
}[];

const familyOf = (title: string) => families.find((family) => family.title === title)!;
const template = JSON.parse(
	readFileSync(
		new URL('../../../fixtures/families/smolvlm-256m/checkpoint/chat_template.json', import.meta.url),
		'utf8'
	)
) as { readonly chat_template: string };

describe('the words of benchmarks that families were published with', () => {
	it.each(cases)('$family: $set, $question.text', ({ family: title, set, question, text, whole }) => {
		const family = familyOf(title);
		const { ask, source } = family.wording!(set)!;
		expect(source).toMatch(/ at [0-9a-f]{7}/);
		const worded = ask(question, 1);
		if (!whole) {
			expect(worded).toEqual({ text });
			return;
		}
		const { placeholder, conversation } = family.prompt;
		const within = worded.text.split(placeholder).length - 1;
		const { text: prompt } = conversation([{ question: worded.text, imageCount: 1 - within }], {
			...{ template: 'chat', ...template, variables: {} }
		});
		expect(prompt + (worded.begins ?? '')).toBe(text);
	});

	it('are LLaVA’s for what came of it, with a source of their own', () => {
		const titles = ['LLaVA-1.5', 'MobileVLM', 'MQT-LLaVA', 'TokenPacker'];
		const words = titles.map((title) => familyOf(title).wording!('MMBench')!);
		expect(new Set(words.map(({ source }) => source)).size).toBe(titles.length);
		const question = {
			kind: 'choice',
			text: 'What is seen?',
			hint: 'It is day.',
			options: ['a bus', 'a dog']
		} as const;
		for (const { ask } of words)
			expect(ask(question, 1).text).toBe(
				"It is day.\nWhat is seen?\nA. a bus\nB. a dog\nAnswer with the option's letter from the given choices directly."
			);
	});

	it('ask 360VL for yes or no', () => {
		const { wording } = familyOf('360VL');
		const asked = ['Is it dark?', 'Is it dark? Please answer yes or no.'].map(
			(text) => wording!('MME')!.ask({ kind: 'yes-no', text }, 1).text
		);
		expect(asked).toEqual(Array(2).fill('Is it dark? Please answer yes or no.'));
		expect(wording!('MMMU')).toBeUndefined();
	});

	it('are none where none are published', () => {
		expect(familyOf('Kanana-1.5-v').wording!('POPE')).toBeUndefined();
		expect(families[0]!.wording).toBeUndefined();
	});
});

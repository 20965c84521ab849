import { describe, expect, it } from 'vitest';
import {
	formatCaptioning,
	formatConversation,
	formatTemplate,
	questionIn,
	patternCount,
	templateInput,
	templateNames,
	type TemplateName
} from '../../../../src/lib/model/text/prompts.ts';
import { goldenJson } from '../image/golden.ts';

interface Formatted {
	readonly single: string;
	readonly multi?: string;
	readonly text_only?: string;
}
interface PromptGolden {
	/** Null for names upstream has no template for. */
	readonly templates: Readonly<Record<string, readonly Formatted[] | null>>;
	readonly template_example_fields: Readonly<Record<string, string>>;
	readonly default_build_prompt: string;
	readonly sqa_prompt: { readonly image: string; readonly text: string };
	readonly task_examples: {
		readonly mmb: { readonly examples: readonly { readonly prompt: string; readonly hint: string }[] };
		readonly seed: { readonly prompt: string };
		readonly pope: { readonly prompt: string };
		readonly sqa: { readonly prompts: readonly string[] };
		readonly owl: { readonly prompt: string };
		readonly llavabench: string;
		readonly mm_vet: string;
		readonly mmmu: readonly { readonly prompt: string }[];
	};
}

const golden = goldenJson<PromptGolden>('text/text_golden.json');
const first = golden.template_example_fields;
const second = {
	...first,
	question: 'Second?',
	answer: 'yes',
	phrase: 'p2',
	bbox: '[0.000,0.000,1.000,1.000]'
};
const captioning = ['coyo100m', 'blip'];
const patterns = Object.entries(golden.templates).flatMap(([name, patterns]) =>
	(patterns ?? []).map((expected, pattern) => ({ name, pattern, expected }))
);

describe('honeybee_default', () => {
	it.each(patterns.filter(({ name }) => !captioning.includes(name)))(
		'$name, pattern $pattern',
		({ name, pattern, expected }) => {
			const template = name as TemplateName;
			expect(formatTemplate(template, [first], { pattern })).toBe(expected.single);
			expect(formatTemplate(template, [first, second], { pattern })).toBe(expected.multi);
			expect(formatTemplate(template, [first], { pattern, imageCount: 0 })).toBe(expected.text_only);
		}
	);

	it.each(captioning)('%s is captioning', (name) => {
		expect(golden.templates[name]!.map(({ single }) => single)).toEqual([
			formatCaptioning(first['caption']!)
		]);
	});

	it('has as many patterns as upstream', () => {
		const own = templateNames.filter((name) => name in golden.templates);
		expect(own.map((name) => [name, patternCount(name)])).toEqual(
			own.map((name) => [name, golden.templates[name]?.length])
		);
		const unknown = Object.keys(golden.templates).filter((name) => golden.templates[name] === null);
		expect([...own, ...captioning, ...unknown].sort()).toEqual(Object.keys(golden.templates).sort());
		expect(own.filter((name) => unknown.includes(name))).toEqual([]);
	});

	it('says which value is missing', () => {
		expect(() => templateInput('vqa', {})).toThrow('question');
		expect(() => templateInput('vqa', first, 1)).toThrow('pattern 1');
	});
});

describe('prompts of tasks', () => {
	const { mmb, seed, pope, sqa, owl, llavabench, mm_vet, mmmu } = golden.task_examples;
	const ask = (name: TemplateName, fields: Record<string, string>, imageCount = 1): string =>
		formatTemplate(name, [fields], { imageCount });
	const free = (question: string): string => formatConversation('free-form', [{ question, imageCount: 1 }]);
	const options = (...texts: string[]): string =>
		texts.map((text, i) => `${'ABCDE'[i]!}. ${text}`).join('\n');

	it('are upstream’s', () => {
		const asked = (question: string, hint: string, ...choices: string[]): string =>
			ask('mmb', {
				question: `${question}\nContext: ${hint}\nThere are several options:\n${options(...choices)}\n`
			});
		expect(mmb.examples.map(({ prompt }) => prompt)).toEqual([
			asked('What color is it?', 'N/A', 'red', 'blue', 'N/A', 'N/A', 'N/A'),
			asked('What color is it?', 'look well', 'blue', 'red', 'green', 'black', 'N/A')
		]);
		expect(
			ask('aokvqa', {
				question: 'Where is this?',
				option: options('park', 'room', 'sea', 'road'),
				answer: ''
			})
		).toBe(seed.prompt);
		expect(ask('eval-vqa', { question: 'Is there a dog in the image?' })).toBe(pope.prompt);
		expect(sqa.prompts).toEqual([
			ask('eval-sqa', { question: 'Which one?', context: 'N/A', option: options('north', 'south') }),
			ask('eval-sqa', { question: 'Pick.', context: 'some words', option: options('x', 'y', 'z') }, 0)
		]);
		expect(golden.sqa_prompt).toEqual({
			image: ask('eval-sqa', { question: 'Q?', context: '', option: options('x', 'y') }),
			text: ask('eval-sqa', { question: 'Q?', context: 'ctx', option: options('x', 'y') }, 0)
		});
		expect(mmmu[1]!.prompt).toBe(ask('eval-vqa', { question: 'How many?' }));
		expect(free('What is funny?')).toBe(owl.prompt);
		expect(free('Describe?')).toBe(llavabench);
		expect(free('What x?')).toBe(mm_vet);
		expect(free('Q?')).toBe(golden.default_build_prompt);
	});
});

describe('formatConversation', () => {
	const cases = goldenJson<{ cases: Record<string, { prompt: string }> }>('c-abs/golden.json').cases;

	it('formats several images and turns as the golden cases do', () => {
		expect(cases['multi']!.prompt).toMatch(/Human: <image>/);
		const rebuilt = parse(cases['multi']!.prompt);
		expect(rebuilt.turns.length).toBe(2);
		expect(formatConversation('free-form', rebuilt.turns)).toBe(cases['multi']!.prompt);
	});

	it('puts the images of each turn before its question', () => {
		const prompt = formatConversation('honeybee_default', [
			{ question: 'a', imageCount: 2, answer: 'b' },
			{ question: 'c', imageCount: 1 }
		]);
		expect(prompt.split('\n').slice(1)).toEqual([
			'Human: <image>',
			'Human: <image>',
			'Human: a',
			'AI: b',
			'Human: <image>',
			'Human: c',
			'AI: '
		]);
	});

	it('keeps $-signs and braces of the question', () => {
		expect(formatTemplate('mme', [{ question: '$& {x} $1' }])).toContain('phrase. $& {x} $1\nAI: ');
	});

	/** Turns of a free-form prompt of single-line questions. */
	function parse(prompt: string): { turns: { question: string; imageCount: number; answer?: string }[] } {
		const turns: { question: string; imageCount: number; answer?: string }[] = [];
		let imageCount = 0;
		for (const line of prompt.split('\n').slice(1)) {
			if (line === 'Human: <image>') imageCount++;
			else if (line.startsWith('Human: ')) turns.push({ question: line.slice(7), imageCount });
			else turns.at(-1)!.answer = line.slice(4);
			if (line.startsWith('AI: ')) imageCount = 0;
		}
		return { turns };
	}
});

describe('the question of a prompt', () => {
	it.each(['free-form', 'honeybee_default'] as const)('is found again in the template %s', (template) => {
		for (const question of [
			'What is it?',
			'First.\nHuman: and this?\nThere are several options:\nA. x\n',
			''
		])
			for (const imageCount of [0, 1, 2])
				expect(questionIn(formatConversation(template, [{ question, imageCount }]))).toBe(question);
		expect(questionIn(formatTemplate('mme', [{ question: 'Is it?' }]))).toBe(
			'Answer the question using a single word or phrase. Is it?'
		);
	});

	it('is none where a prompt is of another template', () => {
		expect(questionIn('USER: <image>\nWhat is it? ASSISTANT:')).toBeUndefined();
		expect(questionIn('Human: what?\nAI: ')).toBeUndefined();
	});
});

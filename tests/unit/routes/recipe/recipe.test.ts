import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/lib/bytes/random.ts';
import { Tokenizer } from '../../../../src/lib/model/text/tokenizer.ts';
import { generateScene, type AtlasIndex } from '../../../../src/lib/scenes/index.ts';
import { ablationsOf, meanAccuracy } from '../../../../src/routes/recipe/ablations.ts';
import { deduplicated, preview, type PreviewOptions } from '../../../../src/routes/recipe/preview.ts';
import { effectiveSets, recipeSets, shares } from '../../../../src/routes/recipe/recipe.ts';
import { tokenized } from '../../../../src/routes/recipe/tokens.ts';

const index = JSON.parse(readFileSync('static/scenes/atlas.json', 'utf8')) as AtlasIndex;
const scene = generateScene(3, 'train');
const options: PreviewOptions = {
	granularity: 'set',
	diversity: 'drawn',
	multiTurn: true,
	deduplicate: true
};
const show = (name: string, change: Partial<PreviewOptions> = {}) =>
	preview(
		recipeSets.find((set) => set.name === name)!,
		scene,
		index,
		{ ...options, ...change },
		seededRandom(1)
	);

describe('the mixture', () => {
	it('has thirteen sets with the weights of upstream, normalised', () => {
		expect(recipeSets.length).toBe(13);
		expect(recipeSets.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1.003, 9);
		const rows = shares({}, 4000);
		expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
		expect(rows.reduce((sum, { samples }) => sum + samples, 0)).toBeCloseTo(512_000, 6);
		expect(rows.find(({ set }) => set.name === 'gqa')!.samples).toBeCloseTo((0.103 / 1.003) * 512_000, 6);
	});

	it('follows the weights: equal ones are as varied as there are sets, one alone is one', () => {
		const equal = Object.fromEntries(recipeSets.map(({ name }) => [name, 5]));
		expect(effectiveSets(shares(equal, 1))).toBeCloseTo(13, 9);
		const alone = { ...Object.fromEntries(recipeSets.map(({ name }) => [name, 0])), vqa: 2 };
		expect(effectiveSets(shares(alone, 1))).toBeCloseTo(1, 12);
		expect(shares(Object.fromEntries(recipeSets.map(({ name }) => [name, 0])), 1)[0]!.samples).toBe(0);
	});
});

describe('the preview', () => {
	it('joins pairs of an image in one conversation with the image once', () => {
		const whole = show('vqa');
		expect(whole.pairs.kept).toBeGreaterThan(1);
		expect(whole.pairs.kept).toBeLessThanOrEqual(10);
		expect(whole.text.split('<image>').length).toBe(2);
		expect(whole.text.split('\nAI: ').length).toBe(whole.pairs.kept + 1);
		expect(show('vqa', { multiTurn: false }).text.split('\nAI: ').length).toBe(2);
	});

	it('keeps one pair per answer of GQA, and all of VQA', () => {
		const answers = (text: string) => [...text.matchAll(/\nAI: (.*)/g)].map(([, answer]) => answer);
		const kept = answers(show('gqa').text);
		expect(new Set(kept).size).toBe(kept.length);
		const all = answers(show('gqa', { deduplicate: false }).text);
		expect(new Set(all).size).toBeLessThan(all.length);
		expect(answers(show('vqa').text)).toEqual(all);
	});

	it('draws the one that stays at random', () => {
		const pairs = [1, 2, 3].map((id) => ({ id, answer: 'yes' }));
		const drawn = new Set(
			Array.from({ length: 40 }, (_, seed) => deduplicated(pairs, seededRandom(seed))[0]!.id)
		);
		expect([...drawn].sort((a, b) => a - b)).toEqual([1, 2, 3]);
	});

	it('words each set by its own template, or all of a task by one', () => {
		expect(show('refcoco+', { diversity: 'first' }).text).toContain('Provide the bounding box coordinate');
		const wordings = [...'0123456789'].map(
			(_, seed) =>
				preview(
					recipeSets.find(({ name }) => name === 'refcocog')!,
					scene,
					index,
					options,
					seededRandom(seed)
				).text
		);
		expect(wordings.some((text) => text.includes('using detailed and descriptive expressions'))).toBe(true);
		expect(wordings.some((text) => text.includes('Provide the bounding box coordinate'))).toBe(true);
		expect(show('sqa').text).toContain('\nContext: ');
		expect(show('sqa', { granularity: 'task' }).text).not.toContain('\nContext: ');
		expect(show('coyo100m').text).toMatch(/^\[NO_PROMPT\] <image> /);
		expect(show('vicuna40k').text).not.toContain('<image>');
	});

	it('makes a text of every set, whatever the switches', () => {
		for (const set of recipeSets)
			for (const granularity of ['set', 'task'] as const)
				for (let seed = 0; seed < 20; seed++) {
					const made = preview(
						set,
						generateScene(seed, 'train'),
						index,
						{ ...options, granularity },
						seededRandom(seed)
					);
					expect(made.text).not.toMatch(/undefined|\{\w+\}/);
				}
	});
});

describe('the tokens of a training text', () => {
	const folder = 'static/models/honeybee-mini';
	const read = (name: string): unknown => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
	const tokenizer = new Tokenizer({
		tokenizer_json: read('tokenizer.json'),
		tokenizer_config: read('tokenizer_config.json')
	});

	it('are trained on in the answers and their ends only', () => {
		const { text, pairs } = show('gqa');
		const { runs, positions, trained } = tokenized(tokenizer, text, 36);
		expect(runs.filter(({ kind }) => kind === 'image').map(({ count }) => count)).toEqual([36]);
		expect(runs.filter(({ kind }) => kind === 'trained').length).toBe(pairs.kept);
		for (const { kind, pieces } of runs)
			if (kind === 'trained') expect(pieces.at(-1)).toBe(tokenizer.piece(tokenizer.eosId));
		expect(runs.reduce((sum, { count }) => sum + count, 0)).toBe(positions);
		expect(trained).toBeLessThan(positions / 2);
	});
});

describe('ablations', () => {
	it('are read as training writes them, and absent otherwise', () => {
		expect(ablationsOf({ splits: {} })).toBeUndefined();
		const found = ablationsOf({
			ablations: {
				...{ projector: 'c-abs', tokens: 36, minutes: 1, scenes: 500, from: 'the aligned checkpoint' },
				variants: { base: { steps: 9, free: { existence: 0.5, identity: 0.7 }, short: {} } }
			}
		})!;
		expect(found).toMatchObject({ projector: 'c-abs', tokens: 36, variants: [{ name: 'base', steps: 9 }] });
		expect(meanAccuracy(found.variants[0]!.free)).toBeCloseTo(0.6, 12);
		expect(meanAccuracy(found.variants[0]!.short)).toBeUndefined();
	});

	it('come with intervals and a third form where they were measured', () => {
		const { steps, variants } = ablationsOf({
			ablations: {
				...{ projector: 'c-abs', steps: 150, from: '' },
				variants: {
					base: { free: { existence: 0.5 }, short: {}, reworded: { existence: 0.25 } },
					other: {
						free: { existence: 0.4 },
						short: {},
						change: { free: { mean: -0.1, interval: [-0.2, 0.01] }, short: { interval: [null, 1] } }
					}
				}
			}
		})!;
		expect(steps).toBe(150);
		expect(variants.map(({ change }) => change)).toEqual([{}, { free: [-0.2, 0.01] }]);
		expect(variants[0]!.reworded).toEqual({ existence: 0.25 });
	});
});

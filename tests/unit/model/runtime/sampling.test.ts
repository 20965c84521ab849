import { describe, expect, it } from 'vitest';
import { argmax, createSampler, greedy, randomNumbers } from '../../../../src/lib/model/runtime/sampling.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';

const logits = Float32Array.of(0, 3, 1, 2, -1);
const options = { ...greedy, temperature: 1, seed: 7 };
const draw = (count: number, changed: Partial<typeof options>) => {
	const sample = createSampler({ ...options, ...changed });
	return Array.from({ length: count }, () => sample(logits));
};

describe('greedy', () => {
	it('takes the largest logit, the first of equal ones', () => {
		expect(createSampler(greedy)(logits)).toBe(1);
		expect(argmax(Float32Array.of(2, 5, 5))).toBe(1);
	});

	it('is what top-k 1 is', () => {
		expect(new Set(draw(50, { top_k: 1 }))).toEqual(new Set([1]));
	});

	it.each([
		['NaN', NaN],
		['infinity', Infinity]
	])('refuses logits of %s', (_, value) => {
		expect(() => argmax(Float32Array.of(value, value))).toThrow('not numbers');
		expect(() => createSampler(options)(Float32Array.of(value, value))).toThrow('not numbers');
	});
});

describe('drawing', () => {
	it('gives equal ids for equal seeds and others for another seed', () => {
		expect(draw(40, {})).toEqual(draw(40, {}));
		expect(draw(40, {})).not.toEqual(draw(40, { seed: 8 }));
	});

	it('draws as often as softmax says', () => {
		const weights = Array.from(logits, (x) => Math.exp(x / 2));
		const sum = weights.reduce((a, b) => a + b);
		const drawn = draw(20_000, { temperature: 2 });
		weights.forEach((weight, id) => {
			const share = drawn.filter((d) => d === id).length / drawn.length;
			expect(share, `id ${id}`).toBeCloseTo(weight / sum, 1.7);
		});
	});

	it('keeps the k largest', () => {
		expect(new Set(draw(300, { top_k: 2, temperature: 5 }))).toEqual(new Set([1, 3]));
	});

	it('keeps the smallest set that reaches top-p', () => {
		// softmax of 3, 2, 1, 0, −1: 0.636, 0.234, 0.086, …
		expect(new Set(draw(300, { top_p: 0.6 }))).toEqual(new Set([1]));
		expect(new Set(draw(300, { top_p: 0.8 }))).toEqual(new Set([1, 3]));
		expect(new Set(draw(300, { top_p: 0.9 }))).toEqual(new Set([1, 3, 2]));
	});

	it.each([
		['temperature', { temperature: -1 }],
		['top-k', { top_k: 1.5 }],
		['top-p', { top_p: 0 }],
		['seed', { seed: NaN }],
		['max new tokens', { max_new_tokens: 0 }],
		['stop string', { stop: [''] }]
	])('refuses a meaningless %s', (name, changed) => {
		expect(() => createSampler({ ...options, ...changed })).toThrow(InputError);
		expect(() => createSampler({ ...options, ...changed })).toThrow(name);
	});
});

it('random numbers are uniform and differ for near seeds', () => {
	const firsts = Array.from({ length: 1000 }, (_, seed) => randomNumbers(seed)());
	const mean = firsts.reduce((a, b) => a + b) / firsts.length;
	expect(mean).toBeGreaterThan(0.46);
	expect(mean).toBeLessThan(0.54);
	const random = randomNumbers(3);
	const tenths = new Array<number>(10).fill(0);
	for (let i = 0; i < 10_000; i++) tenths[Math.floor(random() * 10)]!++;
	for (const count of tenths) {
		expect(count).toBeGreaterThan(880);
		expect(count).toBeLessThan(1120);
	}
});

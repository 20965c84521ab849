import { InputError } from '../../tensor/errors.ts';
import { BackendError } from './backend.ts';
import type { SamplingOptions } from './types.ts';

export const greedy: SamplingOptions = {
	temperature: 0,
	top_k: 0,
	top_p: 1,
	seed: 0,
	max_new_tokens: 256,
	stop: []
};

/** Chooses the next id from the logits [vocab] of the last position. */
export type Sampler = (logits: Float32Array) => number;

/**
 * Sampler for the options; temperature 0 is greedy. Otherwise, in transformers' order: divide by the temperature, keep
 * the `top_k` largest, keep the smallest set whose probability reaches `top_p`, draw. Equal seeds draw equal ids.
 * @throws InputError for options that mean nothing.
 */
export function createSampler(options: SamplingOptions): Sampler {
	checkSampling(options);
	const { temperature, top_k, top_p, seed } = options;
	if (temperature === 0 || top_k === 1) return argmax;
	const random = randomNumbers(seed);
	return (logits) => {
		const candidates = mostProbable(logits, top_k);
		const largest = logits[candidates[0]!]!;
		checkFinite(largest);
		const weights = candidates.map((id) => Math.exp((logits[id]! - largest) / temperature));
		const total = weights.reduce((sum, weight) => sum + weight, 0);
		let kept = 0;
		let mass = 0;
		while (kept < weights.length && (kept === 0 || mass < top_p * total)) mass += weights[kept++]!;
		let left = random() * mass;
		for (let i = 0; i < kept; i++) {
			left -= weights[i]!;
			if (left < 0) return candidates[i]!;
		}
		return candidates[kept - 1]!;
	};
}

/** Id of the largest logit, the first of equal ones. */
export function argmax(logits: Float32Array): number {
	let best = 0;
	for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
	checkFinite(logits[best]!);
	return best;
}

/** A float16 overflow makes every logit NaN without a message; an answer made from that would be invented. */
function checkFinite(logit: number): void {
	if (!Number.isFinite(logit))
		throw new BackendError(
			'The language model computed values that are not numbers (an overflow in half precision or a fault of the graphics driver); use a float32 model or the WASM backend.'
		);
}

/** Ids by falling logit, only the first `count` of them (all when 0); equal logits keep id order. */
function mostProbable(logits: Float32Array, count: number): number[] {
	const ids = Array.from(logits.keys());
	const byLogit = (a: number, b: number) => logits[b]! - logits[a]! || a - b;
	if (count <= 0 || count >= ids.length) return ids.sort(byLogit);
	// The threshold leaves few ids to sort when the vocabulary is large.
	const threshold = Float32Array.from(logits).sort()[logits.length - count]!;
	return ids
		.filter((id) => logits[id]! >= threshold)
		.sort(byLogit)
		.slice(0, count);
}

/**
 * Uniform numbers in [0, 1) from a seed: xorshift128 (Marsaglia 2003) on state filled by a Weyl sequence with
 * multiply–xorshift mixing, so that near seeds do not give near numbers. Not `seededRandom`: the texts that seeds gave before
 * depend on these numbers.
 */
export function randomNumbers(seed: number): () => number {
	let weyl = seed >>> 0;
	const mix = () => {
		weyl = (weyl + 0x9e3779b9) >>> 0;
		let z = weyl;
		z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
		z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
		return (z ^ (z >>> 16)) >>> 0;
	};
	let [x, y, z, w] = [mix(), mix(), mix(), mix() || 1];
	return () => {
		const t = x ^ (x << 11);
		[x, y, z] = [y, z, w];
		w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
		return w / 2 ** 32;
	};
}

/** @throws InputError naming the option that is out of range. */
export function checkSampling(options: SamplingOptions): void {
	const { temperature, top_k, top_p, seed, max_new_tokens } = options;
	const check = (good: boolean, name: string, value: number, range: string) => {
		if (!good) throw new InputError(`${name} is ${value}; it must be ${range}.`);
	};
	check(
		Number.isFinite(temperature) && temperature >= 0,
		'temperature',
		temperature,
		'0 (greedy) or a positive number'
	);
	check(Number.isInteger(top_k) && top_k >= 0, 'top-k', top_k, 'a whole number of tokens, or 0 for no limit');
	check(top_p > 0 && top_p <= 1, 'top-p', top_p, 'above 0 and at most 1');
	check(Number.isSafeInteger(seed), 'seed', seed, 'a whole number');
	check(
		Number.isInteger(max_new_tokens) && max_new_tokens >= 1,
		'max new tokens',
		max_new_tokens,
		'a whole number of at least 1'
	);
	if (options.stop.includes('')) throw new InputError('A stop string is empty; leave it out.');
}

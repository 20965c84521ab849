import { seededRandom } from '../bytes/random.ts';
import { InputError } from '../tensor/errors.ts';

/** Descriptions of samples, intervals and tests. Numbers come back as they are; rounding is the figure's business. */
export type Numbers = ArrayLike<number>;

function requireValues(values: Numbers, what: string): void {
	if (values.length === 0) throw new InputError(`${what} needs at least one value.`);
}

export function mean(values: Numbers): number {
	requireValues(values, 'A mean');
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += values[i]!;
	return sum / values.length;
}

/** Quantiles by linear interpolation between order statistics (Hyndman and Fan's type 7, NumPy's default). */
export function quantiles(values: Numbers, probabilities: readonly number[]): number[] {
	requireValues(values, 'A quantile');
	const sorted = Float64Array.from(values).sort();
	return probabilities.map((p) => {
		const at = Math.min(1, Math.max(0, p)) * (sorted.length - 1);
		const low = Math.floor(at);
		const below = sorted[low]!;
		const above = sorted[Math.min(low + 1, sorted.length - 1)]!;
		return below + (at - low) * (above - below);
	});
}

export function median(values: Numbers): number {
	return quantiles(values, [0.5])[0]!;
}

/** An estimate with its confidence interval. */
export interface Estimate {
	readonly value: number;
	readonly low: number;
	readonly high: number;
	/** Confidence level, e.g. 0.95. */
	readonly level: number;
	/** Number of independent units. */
	readonly n: number;
}

/** Standard normal quantile of 97.5 %: intervals are of 95 %. */
export const Z = 1.959963984540054;

/**
 * Mean of independent values with Student's interval (95 %). With one value the interval is that value: nothing is known about others.
 * @param range that values can have; the interval ends there
 */
export function meanInterval(values: Numbers, [least, most] = [-Infinity, Infinity]): Estimate {
	const value = mean(values);
	const n = values.length;
	let squares = 0;
	for (let i = 0; i < n; i++) squares += (values[i]! - value) ** 2;
	const half = n < 2 ? 0 : studentQuantile(n - 1) * Math.sqrt(squares / (n - 1) / n);
	return { value, low: Math.max(least, value - half), high: Math.min(most, value + half), level: 0.95, n };
}

/**
 * Interval (95 %) of a statistic from its values with each of B parts of the sample left out (delete-a-group jackknife; Shao and Tu 1995, 2.3),
 * with Student's t at B − 1 degrees of freedom.
 * @param left part of the variance that is left of a sample from finitely many: 1 − its share of all
 */
export function jackknife(value: number, leftOut: Numbers, left = 1): Estimate {
	const parts = leftOut.length;
	if (parts < 2) throw new InputError('A jackknife needs two parts at least.');
	const centre = mean(leftOut);
	let squares = 0;
	for (let b = 0; b < parts; b++) squares += (leftOut[b]! - centre) ** 2;
	const half = studentQuantile(parts - 1) * Math.sqrt(((left * (parts - 1)) / parts) * squares);
	return { value, low: value - half, high: value + half, level: 0.95, n: parts };
}

/** 97.5 % quantile of Student's t, for intervals of 95 %. @param freedom degrees of freedom, 1 or more */
export function studentQuantile(freedom: number): number {
	// P(|T| > t) is the regularised incomplete beta function at ν / (ν + t²).
	const beyond = (t: number) => incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
	let [low, high] = [1.9, 13];
	for (let i = 0; i < 60; i++) {
		const middle = (low + high) / 2;
		if (beyond(middle) > 0.05) low = middle;
		else high = middle;
	}
	return (low + high) / 2;
}

/** I_x(a, b) by Lentz's continued fraction (Press et al., Numerical Recipes, 6.4). */
function incompleteBeta(x: number, a: number, b: number): number {
	if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
	let d = 1 / (1 - ((a + b) * x) / (a + 1));
	let c = 1;
	let fraction = d;
	for (let m = 1; m <= 300; m++) {
		const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
		const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
		for (const term of [even, odd]) {
			d = 1 / (1 + term * d);
			c = 1 + term / c;
			fraction *= c * d;
		}
		if (Math.abs(c * d - 1) < 1e-15) break;
	}
	const front = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
	return (Math.exp(front) * fraction) / a;
}

/** ln Γ(x) by Stirling's series, moved up to where it is exact to double precision. */
function logGamma(x: number): number {
	let shift = 0;
	for (; x < 12; x++) shift -= Math.log(x);
	const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5) - 1 / (1680 * x ** 7);
	return shift + (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series;
}

/**
 * Two-sided p that paired differences are as large by chance, when the two sides could be exchanged in every pair: the share of all
 * changes of sign whose sum is as far from 0 (Fisher 1935, III.21). All changes are counted for up to 12 differences, 4095 drawn ones beyond. Of
 * differences of one size it is McNemar's exact test.
 */
export function signFlip(differences: Numbers, seed = 1): number {
	const sizes = Array.from(differences).filter((difference) => difference !== 0);
	const reached = Math.abs(sizes.reduce((sum, size) => sum + size, 0)) * (1 - 1e-12);
	const exact = sizes.length <= 12;
	const total = exact ? 2 ** sizes.length : 4095;
	const random = seededRandom(seed);
	let far = 0;
	for (let i = 0; i < total; i++) {
		let sum = 0;
		for (let k = 0; k < sizes.length; k++)
			sum += (exact ? (i >> k) & 1 : random() < 0.5) ? sizes[k]! : -sizes[k]!;
		if (Math.abs(sum) >= reached) far++;
	}
	return exact ? far / total : (far + 1) / (total + 1);
}

export interface McNemar {
	/** Right only in a. */
	readonly onlyA: number;
	/** Right only in b. */
	readonly onlyB: number;
	/** Two-sided exact p (binomial, probability one half). */
	readonly exact: number;
	/** Two-sided mid-p, less conservative (Fagerland, Lydersen, Laake 2013). */
	readonly mid: number;
}

/** McNemar's test: do a and b answer the same items right equally often? Only items on which they differ count. */
export function mcnemar(a: readonly boolean[], b: readonly boolean[]): McNemar {
	if (a.length !== b.length)
		throw new InputError(
			`McNemar's test needs the same items on both sides, got ${a.length} and ${b.length}.`
		);
	const onlyA = a.filter((right, i) => right && !b[i]).length;
	const onlyB = b.filter((right, i) => right && !a[i]).length;
	const n = onlyA + onlyB;
	const fewer = Math.min(onlyA, onlyB);
	let tail = 0;
	let last = 1;
	for (let k = 0; k <= fewer; k++) {
		last = Math.exp(logChoose(n, k) - n * Math.LN2);
		tail += last;
	}
	const exact = onlyA === onlyB ? 1 : Math.min(1, 2 * tail);
	const mid = onlyA === onlyB ? 1 - last / 2 : 2 * tail - last;
	return { onlyA, onlyB, exact, mid: n === 0 ? 1 : mid };
}

function logChoose(n: number, k: number): number {
	let sum = 0;
	for (let i = 1; i <= k; i++) sum += Math.log(n - k + i) - Math.log(i);
	return sum;
}

/** Wilson's interval of a share, e.g. an accuracy (Wilson 1927). Both numbers may be fractions (`shares.ts`). */
export function wilson(successes: number, n: number, z = Z): Estimate {
	if (!(n > 0)) throw new InputError('An accuracy needs at least one item.');
	const share = successes / n;
	const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
	const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
	// Rounding must not put a limit on the wrong side of the share.
	const low = successes === 0 ? 0 : Math.max(0, centre - half);
	const high = successes === n ? 1 : Math.min(1, centre + half);
	return { value: share, low, high, level: 0.95, n };
}

/** Ranks from 1 on; equal values share the mean of theirs. */
export function ranks(values: Numbers): Float64Array {
	const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
	const out = new Float64Array(values.length);
	for (let from = 0; from < order.length;) {
		let to = from + 1;
		while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
		for (let i = from; i < to; i++) out[order[i]!] = (from + to + 1) / 2;
		from = to;
	}
	return out;
}

/** Spearman's rank correlation; NaN where one side has a single value. */
export function spearman(a: Numbers, b: Numbers): number {
	if (a.length !== b.length)
		throw new InputError(
			`A correlation needs the same items on both sides, got ${a.length} and ${b.length}.`
		);
	const [x, y] = [ranks(a), ranks(b)];
	const centre = (a.length + 1) / 2;
	let [xy, xx, yy] = [0, 0, 0];
	for (let i = 0; i < x.length; i++) {
		const [dx, dy] = [x[i]! - centre, y[i]! - centre];
		xy += dx * dy;
		xx += dx * dx;
		yy += dy * dy;
	}
	return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : NaN;
}

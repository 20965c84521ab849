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
	/** Number of units that were resampled. */
	readonly n: number;
}

export interface BootstrapOptions {
	/** Confidence level; 0.95. */
	readonly level?: number;
	/** Number of resamples; 2000. */
	readonly resamples?: number;
	readonly seed?: number;
	/** What is estimated; the mean. */
	readonly statistic?: (values: Float64Array) => number;
}

/** Percentile bootstrap (Efron and Tibshirani 1993, ch. 13) over independent units. With one unit the interval is that value. */
export function bootstrap(values: Numbers, options: BootstrapOptions = {}): Estimate {
	requireValues(values, 'A bootstrap interval');
	const { level = 0.95, resamples = 2000, seed = 1, statistic = mean } = options;
	const sample = Float64Array.from(values);
	const [low, high] = quantiles(resampled(sample, resamples, seed, statistic), [
		(1 - level) / 2,
		(1 + level) / 2
	]);
	return { value: statistic(sample), low: low!, high: high!, level, n: sample.length };
}

function resampled(
	sample: Float64Array,
	resamples: number,
	seed: number,
	statistic: (values: Float64Array) => number
): Float64Array {
	const random = seededRandom(seed);
	const drawn = new Float64Array(sample.length);
	return Float64Array.from({ length: resamples }, () => {
		for (let i = 0; i < drawn.length; i++) drawn[i] = sample[Math.floor(random() * sample.length)]!;
		return statistic(drawn);
	});
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

/** Wilson's interval of a share, e.g. an accuracy (Wilson 1927); `level` 0.95 only needs z = 1.96. */
export function wilson(successes: number, n: number, z = 1.959963984540054): Estimate {
	if (n < 1) throw new InputError('An accuracy needs at least one item.');
	const share = successes / n;
	const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
	const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
	return { value: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half), level: 0.95, n };
}

import { InputError } from '../tensor/errors.ts';
import { studentQuantile, wilson, Z, type Estimate } from './statistics.ts';

/** How intervals of scores are made, for the methods of figures. */
export const INTERVALS_OF_SHARES =
	'Intervals (95 %): Wilson’s, at the effective number of independent answers where several vary together (questions about one image, circular groups, scenes); scores of several parts are put together from theirs (MOVER).';

/** What varies together, such as the answers about one image: `sum` of what was reached of at most `count`. */
export interface Cluster {
	readonly sum: number;
	readonly count: number;
}

/**
 * A share with Wilson's interval (95 %) at the effective sample size of clustered data (Korn and Graubard 1998; Dean and Pagano 2015):
 * the number of answers over the design effect, which is the variance of the share by clusters over that of independent answers. Single answers
 * have the effect 1 and the interval is Wilson's own. Where all is right or all wrong no effect can be seen: every cluster counts once.
 */
export function clusteredShare(clusters: readonly Cluster[]): Estimate {
	const count = total(clusters, (cluster) => cluster.count);
	if (!(count > 0)) throw new InputError('An accuracy needs at least one item.');
	const share = Math.min(1, total(clusters, (cluster) => cluster.sum) / count);
	const size =
		share > 0 && share < 1
			? effectiveSize(
					clusters.map((cluster) => cluster.sum - share * cluster.count),
					count,
					share * (1 - share)
				)
			: clusters.length;
	return { ...wilson(share * size, size), value: share, n: clusters.length };
}

/**
 * Answers that tell as much as `count` clustered ones; at most `count`.
 * @param residuals of each cluster's sum from what the mean makes expected
 * @param variance of one answer
 */
function effectiveSize(residuals: readonly number[], count: number, variance: number): number {
	const m = residuals.length;
	if (m < 2) return 1;
	const clustered = (m / (m - 1)) * total(residuals, (residual) => residual ** 2);
	const effect = clustered / ((variance * count ** 2) / Math.max(1, count - 1));
	// A variance from a few clusters is itself uncertain, as Student's t is wider than the normal.
	const doubt = count > m ? (studentQuantile(count - 1) / studentQuantile(m - 1)) ** 2 : 1;
	return Math.max(1, (count * doubt) / Math.max(1, effect));
}

/**
 * A weighted sum of independent estimates: limits are recovered from theirs (MOVER: Zou and Donner 2008), so that they are right where shares
 * are near 0 or 1, too. Weights 1 and −1 give Newcombe's (1998) interval of a difference.
 */
export function combined(estimates: readonly Estimate[], weights: readonly number[]): Estimate {
	let [value, below, above, n] = [0, 0, 0, 0];
	estimates.forEach((estimate, i) => {
		const weight = weights[i]!;
		const [down, up] = [estimate.value - estimate.low, estimate.high - estimate.value];
		value += weight * estimate.value;
		below += (weight * (weight > 0 ? down : up)) ** 2;
		above += (weight * (weight > 0 ? up : down)) ** 2;
		n += estimate.n;
	});
	return { value, low: value - Math.sqrt(below), high: value + Math.sqrt(above), level: 0.95, n };
}

/** Pairs that vary together: of `count` pairs, in `onlyA` only the first was right, in `onlyB` only the second. */
export interface PairedCluster {
	readonly onlyA: number;
	readonly onlyB: number;
	readonly count: number;
}

/** Difference of two shares of the same items, a − b, with Tango's interval at the effective number of pairs (as `clusteredShare`). */
export function pairedShares(clusters: readonly PairedCluster[]): Estimate {
	const count = total(clusters, (cluster) => cluster.count);
	const [onlyA, onlyB] = [total(clusters, (c) => c.onlyA), total(clusters, (c) => c.onlyB)];
	const value = (onlyA - onlyB) / count;
	const variance = (onlyA + onlyB) / count - value ** 2;
	const size =
		variance > 0
			? effectiveSize(
					clusters.map((c) => c.onlyA - c.onlyB - value * c.count),
					count,
					variance
				)
			: clusters.length;
	const [low, high] = tango((onlyA * size) / count, (onlyB * size) / count, size);
	return { value, low, high, level: 0.95, n: clusters.length };
}

/**
 * Score interval (95 %) of the difference of two paired shares (Tango 1998): the differences that a score test would not reject. It needs no
 * disagreement to have a width.
 * @param n pairs, of which `onlyA` and `onlyB` disagree
 */
export function tango(onlyA: number, onlyB: number, n: number): [low: number, high: number] {
	const value = (onlyA - onlyB) / n;
	const score = (delta: number): number => {
		// The most probable share of b's own successes at this difference.
		const b = -onlyA - onlyB + (2 * n - onlyA + onlyB) * delta;
		const c = -onlyB * delta * (1 - delta);
		const own = (Math.sqrt(Math.max(0, b * b - 8 * n * c)) - b) / (4 * n);
		const variance = n * (2 * own + delta * (1 - delta));
		return variance > 0
			? (onlyA - onlyB - n * delta) / Math.sqrt(variance)
			: Infinity * Math.sign(value - delta);
	};
	const limit = (end: -1 | 1): number => {
		let [inside, outside]: [number, number] = [value, end];
		for (let i = 0; i < 60; i++) {
			const middle = (inside + outside) / 2;
			if (Math.abs(score(middle)) < Z) inside = middle;
			else outside = middle;
		}
		return inside;
	};
	return [limit(-1), limit(1)];
}

const total = <T>(of: readonly T[], value: (one: T) => number): number =>
	of.reduce((sum, one) => sum + value(one), 0);

import { seededRandom } from '../bytes/random.ts';
import { quantiles, type Estimate } from '../analysis/statistics.ts';
import type { Report, Unit } from './benchmark.ts';

export interface IntervalOptions {
	readonly level?: number;
	readonly resamples?: number;
	readonly seed?: number;
}

/**
 * The headline score with a percentile bootstrap interval. Units (images, circular groups) are resampled whole within each
 * stratum (subtask, split); undefined when a judge has to score.
 */
export function headlineInterval(report: Report, options: IntervalOptions = {}): Estimate | undefined {
	return report.units.length > 0 ? interval(report.units, report.combine, options) : undefined;
}

/** Sum over count of the units of one category, with its interval; undefined when there are none. */
export function categoryInterval(
	report: Report,
	category: string,
	options: IntervalOptions = {}
): Estimate | undefined {
	const units = report.units
		.filter(({ categories }) => categories.includes(category))
		.map((unit) => ({ ...unit, stratum: '' }));
	return units.length > 0 ? interval(units, 'mean', options) : undefined;
}

function interval(units: readonly Unit[], combine: Report['combine'], options: IntervalOptions): Estimate {
	const { level = 0.95, resamples = 2000, seed = 1 } = options;
	const strata = [...Map.groupBy(units, ({ stratum }) => stratum).values()];
	const random = seededRandom(seed);
	const together = (ratios: readonly number[]) => {
		const sum = ratios.reduce((total, ratio) => total + ratio, 0);
		return combine === 'sum' ? sum : sum / ratios.length;
	};
	const drawn = Float64Array.from({ length: resamples }, () =>
		together(
			strata.map((stratum) => {
				let sum = 0;
				let count = 0;
				for (let i = 0; i < stratum.length; i++) {
					const unit = stratum[Math.floor(random() * stratum.length)]!;
					sum += unit.sum;
					count += unit.count;
				}
				return sum / count;
			})
		)
	);
	const [low, high] = quantiles(drawn, [(1 - level) / 2, (1 + level) / 2]);
	return { value: together(strata.map(ratio)), low: low!, high: high!, level, n: units.length };
}

function ratio(units: readonly Unit[]): number {
	const sum = units.reduce((total, unit) => total + unit.sum, 0);
	return sum / units.reduce((total, unit) => total + unit.count, 0);
}

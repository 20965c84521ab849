import { clusteredShare, combined } from '../analysis/shares.ts';
import type { Estimate } from '../analysis/statistics.ts';
import type { Report, Unit } from './benchmark.ts';

/**
 * The headline score with its interval: a share of each stratum (subtask, split) with units (images, circular groups) as clusters, then their
 * sum or mean; undefined when a judge has to score.
 */
export function headlineInterval(report: Report): Estimate | undefined {
	const strata = [...Map.groupBy(report.units, ({ stratum }) => stratum).values()];
	if (strata.length === 0) return undefined;
	const weight = report.combine === 'sum' ? 1 : 1 / strata.length;
	return combined(
		strata.map((units) => share(units, report)),
		strata.map(() => weight)
	);
}

/** Sum over count of the units of one category, with its interval; undefined when there are none. */
export function categoryInterval(report: Report, category: string): Estimate | undefined {
	const units = report.units.filter(({ categories }) => categories.includes(category));
	return units.length > 0 ? share(units, report) : undefined;
}

function share(units: readonly Pick<Unit, 'sum' | 'count'>[], { unitMost = 100 }: Report): Estimate {
	const found = clusteredShare(units.map(({ sum, count }) => ({ sum: sum / unitMost, count })));
	return {
		...found,
		value: unitMost * found.value,
		low: unitMost * found.low,
		high: unitMost * found.high
	};
}

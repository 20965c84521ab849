import type { Box } from './grid.ts';
import { localityMeasures, tokenLocalities, type LocalityMeasure, type Weighting } from './locality.ts';
import { tokenPatchMap, type TokenPatchMap } from './map.ts';
import { jackknife, mean, type Estimate } from './statistics.ts';

/**
 * What the choice of K random directions does to locality numbers: they are computed again with a part of the directions left out, for each of
 * B parts in turn (delete-a-group jackknife). Two projectors that read the same features were moved in the same directions, so that their
 * differences can be taken part by part.
 */
export interface DirectionSpread {
	/** Half of the 95 % interval of each token's number [M], by measure; NaN for a token without it. */
	readonly tokens: Readonly<Record<LocalityMeasure, Float32Array>>;
	/** Mean over the tokens, by measure. */
	readonly means: Readonly<Record<LocalityMeasure, MeanByParts>>;
	/** Part of the variance of K directions that is left where K is no small part of all E of them: 1 − K/E. */
	readonly left: number;
}

export interface MeanByParts {
	readonly value: number;
	/** With each part left out [B]. */
	readonly leftOut: readonly number[];
}

/**
 * @param parts responses to the parts of the directions, all of one size or nearly so
 * @param left 1 − K/E
 */
export function directionSpread(
	map: TokenPatchMap,
	parts: readonly TokenPatchMap[],
	weighting: Weighting,
	homes: readonly Box[] | undefined,
	left: number
): DirectionSpread {
	const whole = tokenLocalities(map, weighting, homes);
	const without = leaveOut(parts).map((some) => tokenLocalities(some, weighting, homes));
	const measures = Object.keys(localityMeasures) as LocalityMeasure[];
	const each = <T>(of: (measure: LocalityMeasure) => T) =>
		Object.fromEntries(measures.map((measure) => [measure, of(measure)])) as Record<LocalityMeasure, T>;
	const numbers = (tokens: typeof whole, measure: LocalityMeasure) =>
		tokens.map((token) => localityMeasures[measure].of(token) ?? NaN);
	return {
		left,
		tokens: each((measure) => {
			const all = numbers(whole, measure);
			const some = without.map((tokens) => numbers(tokens, measure));
			return Float32Array.from(all, (value, token) => {
				const { high } = jackknife(
					value,
					some.map((part) => part[token]!),
					left
				);
				return high - value;
			});
		}),
		means: each((measure) => {
			const meanOf = (tokens: typeof whole) => {
				const known = numbers(tokens, measure).filter((value) => !Number.isNaN(value));
				return known.length > 0 ? mean(known) : NaN;
			};
			return { value: meanOf(whole), leftOut: without.map(meanOf) };
		})
	};
}

/** A measure's mean over the tokens with its interval (95 %) over directions. */
export function meanOverDirections({ means, left }: DirectionSpread, measure: LocalityMeasure): Estimate {
	const { value, leftOut } = means[measure];
	return jackknife(value, leftOut, left);
}

/** Root mean squares of all parts but one, for each in turn. */
function leaveOut(parts: readonly TokenPatchMap[]): TokenPatchMap[] {
	const [{ tokens, patches, grid }] = parts as [TokenPatchMap];
	const total = new Float64Array(tokens * patches);
	for (const { data } of parts) data.forEach((value, i) => (total[i]! += value * value));
	return parts.map(({ data }) =>
		tokenPatchMap(
			tokens,
			patches,
			Float32Array.from(data, (value, i) =>
				Math.sqrt(Math.max(0, total[i]! - value * value) / (parts.length - 1))
			),
			grid
		)
	);
}

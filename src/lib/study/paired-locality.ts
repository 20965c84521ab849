import { meanOverDirections, type DirectionSpread } from '../analysis/direction-spread.ts';
import type { Box } from '../analysis/grid.ts';
import {
	localityMeasures,
	summariseLocality,
	type LocalityMeasure,
	type LocalitySummary,
	type TokenLocality
} from '../analysis/locality.ts';
import { mean, meanInterval, signFlip, type Estimate } from '../analysis/statistics.ts';
import type { LocalityRows, ProjectorSummary } from './locality.ts';

/** A projector's tokens on one picture. */
export interface LocatedTokens {
	/** Of the projector. */
	readonly name: string;
	/** In figures; the projector's own when absent. */
	readonly title?: string;
	readonly colour?: string;
	readonly localities: readonly TokenLocality[];
	readonly spread?: DirectionSpread | undefined;
}

/** How far a projector's tokens are from those of the first, place by place. */
export interface PairedLocality extends Estimate {
	/** Two-sided, of exchanged sides (`signFlip`). */
	readonly p: number;
}

export type PairedSummary = LocalitySummary & { readonly difference?: PairedLocality };

/** Rows of the figure locality-distribution for one picture. */
export interface OnOnePicture extends ProjectorSummary {
	readonly title?: string;
	readonly colour?: string;
	readonly summary: readonly PairedSummary[];
}

/**
 * Locality of several projectors on one picture: means over the tokens with their intervals over the directions, and for all but the first how
 * far they are from it. Tokens are paired by place: each token of the one with fewer with those of the other whose homes begin in its own.
 */
export function onOnePicture(columns: readonly LocatedTokens[]): OnOnePicture[] {
	const [first] = columns;
	return columns.map((column) => {
		const { name, title, colour, localities, spread } = column;
		const ofOne = spread && ((measure: LocalityMeasure) => meanOverDirections(spread, measure));
		return {
			...{ name, tokens: localities.length },
			...(title !== undefined && { title }),
			...(colour !== undefined && { colour }),
			summary: summariseLocality([localities], ofOne).map((summary) => {
				const difference =
					column === first ? undefined : pairedDifference(first!.localities, localities, summary.measure);
				return difference ? { ...summary, difference } : summary;
			})
		};
	});
}

/** b − a by place; undefined where fewer than two places have both. */
export function pairedDifference(
	a: readonly TokenLocality[],
	b: readonly TokenLocality[],
	measure: LocalityMeasure
): PairedLocality | undefined {
	const { of } = localityMeasures[measure];
	const [few, many, sign] = a.length <= b.length ? [a, b, 1] : [b, a, -1];
	const differences = few.flatMap((token) => {
		const own = of(token);
		const partners = many
			.filter((other) => token.home && other.home && holds(token.home.cell, other.home.cell))
			.map((other) => of(other))
			.filter((value) => value !== undefined && !Number.isNaN(value));
		if (own === undefined || Number.isNaN(own) || partners.length === 0) return [];
		return [sign * (mean(partners as number[]) - own)];
	});
	return differences.length < 2 ? undefined : { ...meanInterval(differences), p: signFlip(differences) };
}

/** Whether the middle of a cell lies in another; cells are half open, so that it lies in one. */
function holds(cell: Box, other: Box): boolean {
	const [x, y] = [(other.left + other.right) / 2, (other.top + other.bottom) / 2];
	return x >= cell.left && x < cell.right && y >= cell.top && y < cell.bottom;
}

/** A map's tokens as they are compared. */
export const locatedTokens = (
	rows: LocalityRows & { readonly localities: readonly TokenLocality[] },
	label: Pick<LocatedTokens, 'name' | 'title' | 'colour'>
): LocatedTokens => ({ ...label, localities: rows.localities, spread: rows.spread });

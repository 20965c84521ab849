import type { Box, GridShape } from '../analysis/grid.ts';
import { cellAcross } from '../analysis/correspondence.ts';
import { coverage, shares, type TokenLocality, type Weighting } from '../analysis/locality.ts';
import { tokenRow, type TokenPatchMap } from '../analysis/map.ts';
import { InputError } from '../tensor/errors.ts';
import type { AnswerScore } from '../analysis/answer-scores.ts';
import { type TimedStage, type WarmTimes } from './timing.ts';

/** How a column of a comparison is called and drawn. */
export interface ColumnLabel {
	/** "A: D-Abstractor, M = 36" */
	readonly name: string;
	readonly colour: string;
}

/** A token → patch map and what its values mean. */
export interface MeantMap {
	readonly map: TokenPatchMap;
	readonly label: string;
	readonly unit: string;
	/** Home cells where tokens do not lie row-major on the image; empty where they have none. */
	readonly homes?: readonly Box[];
}

/** Rows of the figure compare-grids: every token's map, column by column. */
export interface ColumnGrids {
	readonly label: string;
	readonly unit: string;
	/** Without a map: not there, and why. */
	readonly columns: readonly (ColumnLabel & {
		readonly map?: TokenPatchMap;
		readonly note?: string;
		/** The tokens have no home. */
		readonly homeless?: boolean;
	})[];
}

/**
 * @param meaning what values mean in the figure: a map that means something else is not shown
 * @param columns with what to say of a column that has no such map
 */
export function columnGrids(
	{ label, unit }: Pick<MeantMap, 'label' | 'unit'>,
	columns: readonly (ColumnLabel & { readonly shown: MeantMap | undefined; readonly note: string })[]
): ColumnGrids {
	return {
		label,
		unit,
		columns: columns.map(({ name, colour, shown, note }) =>
			shown?.label === label
				? { name, colour, map: shown.map, ...(shown.homes?.length === 0 && { homeless: true }) }
				: { name, colour, note }
		)
	};
}

/** A column's map with the locality of each of its tokens. */
export interface LocatedMap extends MeantMap {
	readonly localities: readonly TokenLocality[];
}

/** Rows of the figure compare-tokens, without its image: the tokens at one place. */
export interface ColumnTokens {
	readonly label: string;
	readonly unit: string;
	readonly tokens: readonly (ColumnLabel & {
		readonly map: TokenPatchMap;
		readonly locality: TokenLocality;
		/** Place of the column in the comparison. */
		readonly column: number;
	})[];
}

/** @param at a token among M of one column; the others show theirs at the same place */
export function columnTokens(
	{ label, unit }: Pick<MeantMap, 'label' | 'unit'>,
	columns: readonly (ColumnLabel & { readonly shown: LocatedMap | undefined })[],
	at: { readonly token: number; readonly M: number }
): ColumnTokens {
	const tokens = columns.flatMap(({ name, colour, shown }, column) => {
		if (shown?.label !== label) return [];
		const token = cellAcross(at.token, at.M, shown.map.tokens);
		const locality = token === undefined ? undefined : shown.localities[token];
		return locality ? [{ name, colour, map: shown.map, locality, column }] : [];
	});
	return { label, unit, tokens };
}

/** A side of a difference. */
export interface DifferenceSide {
	/** A, B, … */
	readonly letter: string;
	readonly map: TokenPatchMap;
	readonly weighting: Weighting;
}

/** Rows of the figure difference-map, without its image. */
export interface MapDifference {
	/** a − b over the patches [N]. */
	readonly difference: Float32Array;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
	readonly a: string;
	readonly b: string;
	readonly label: string;
	readonly unit: string;
}

/** @throws InputError when the sides do not see the same patches */
function samePatches(a: DifferenceSide, b: DifferenceSide): void {
	const differ = a.map.grid?.columns !== b.map.grid?.columns;
	if (a.map.patches !== b.map.patches || differ)
		throw new InputError(
			`These columns see ${a.map.patches} and ${b.map.patches} patches; a difference patch by patch needs the same number.`
		);
}

/**
 * How much of all tokens' sight each patch has, on one side and not on the other. Each side's cover adds up to its M: shares of it are
 * comparable.
 * @throws InputError when the sides do not see the same patches
 */
export function coverDifference(a: DifferenceSide, b: DifferenceSide): MapDifference {
	samePatches(a, b);
	const [first, second] = [a, b].map(({ map, weighting }) => coverage(map, weighting).cover);
	return {
		difference: first!.map((cover, n) => cover / a.map.tokens - second![n]! / b.map.tokens),
		...(a.map.grid && { grid: a.map.grid }),
		...{ a: a.letter, b: b.letter, label: 'Share of all tokens’ sight', unit: 'share' }
	};
}

/**
 * Where one token of a looks, and its partner at the same place of b does not; undefined when a has no such token or b none at its place.
 * @throws InputError when the sides do not see the same patches
 */
export function tokenDifference(
	a: DifferenceSide,
	b: DifferenceSide,
	token: number
): MapDifference | undefined {
	samePatches(a, b);
	const other = cellAcross(token, a.map.tokens, b.map.tokens);
	if (other === undefined || token >= a.map.tokens) return undefined;
	const row = tokenRow(shares(b.map, b.weighting), other);
	return {
		difference: tokenRow(shares(a.map, a.weighting), token).map((share, n) => share - row[n]!),
		...(a.map.grid && { grid: a.map.grid }),
		...{ a: `${a.letter}, token ${token}`, b: `${b.letter}, token ${other}` },
		...{ label: 'Difference of shares', unit: 'share' }
	};
}

const stageWords = {
	vision: { title: 'Vision', unit: 'ms' },
	projector: { title: 'Projector', unit: 'ms' },
	prefill: { title: 'Prefill', unit: 'ms' },
	first_token: { title: 'First token', unit: 'ms' },
	decode_per_token: { title: 'Decoding', unit: 'ms per token' }
} as const satisfies Partial<Record<TimedStage, { readonly title: string; readonly unit: string }>>;

/** Rows of the figure stage-times. */
export interface ColumnTimes {
	readonly stages: readonly { readonly title: string; readonly unit: string }[];
	/** Every run's milliseconds [stage][run]. */
	readonly columns: readonly (ColumnLabel & { readonly times: readonly (readonly number[])[] })[];
}

export function columnTimes(columns: readonly (ColumnLabel & { readonly times: WarmTimes })[]): ColumnTimes {
	const stages = Object.keys(stageWords) as (keyof typeof stageWords)[];
	return {
		stages: stages.map((stage) => stageWords[stage]),
		columns: columns.map(({ name, colour, times: { ms } }) => ({
			...{ name, colour, times: stages.map((stage) => ms[stage]) }
		}))
	};
}

/** Rows of the figure score-matrix: [writer][scorer]. */
export interface ColumnScores {
	readonly columns: readonly ColumnLabel[];
	readonly scores: readonly (readonly (AnswerScore | undefined)[])[];
}

/** Rows of the figure word-scores: one column's answer, scored by those that have done so. */
export interface ColumnWords {
	readonly source: string;
	readonly columns: readonly (ColumnLabel & { readonly score: AnswerScore })[];
}

/** The words of one writer's answer; undefined when nobody has scored it. */
export function columnWords({ columns, scores }: ColumnScores, writer: number): ColumnWords | undefined {
	const source = columns[writer];
	const scored = columns.flatMap(({ name, colour }, scorer) => {
		const score = scores[writer]?.[scorer];
		return score ? [{ name, colour, score }] : [];
	});
	return source && scored.length > 0 ? { source: source.name, columns: scored } : undefined;
}

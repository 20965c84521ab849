import { sideOf, squareGrid, type GridShape } from '../analysis/grid.ts';
import { gridSide } from '../model/config.ts';
import type { View } from '../model/image/processor.ts';
import type { ModelManifest, ProjectorEntry } from '../model/manifest.ts';
import { patchGrid } from '../model/patch-grid.ts';
import { projectorOf } from '../model/projectors/registry.ts';
import { tokenChoices } from '../model/tokens.ts';

export { tokenChoices };

/** A number of visual tokens and the projector that gives it. */
export interface Budget {
	readonly tokens: number;
	/** Name in the manifest: the projector itself, or one of its family that was trained at this M. */
	readonly projector: string;
	readonly trained: boolean;
}

/** The family of a projector: those that differ from it in M only, itself among them, by name. */
export function familyOf(manifest: ModelManifest, projector: string): string[] {
	const family = (name: string) => manifest.projectors[name]?.family ?? name;
	return Object.keys(manifest.projectors).filter((name) => family(name) === family(projector));
}

/** One projector of each family, the one whose M is nearest to `tokens`; the projector named by `keep` stands for its own family. */
export function oneOfEachFamily(manifest: ModelManifest, tokens: number, keep?: string): string[] {
	const seen = new Set<string>();
	return Object.keys(manifest.projectors).flatMap((name) => {
		if (seen.has(name)) return [];
		const members = familyOf(manifest, name);
		for (const member of members) seen.add(member);
		if (keep !== undefined && members.includes(keep)) return [keep];
		const away = (member: string) => Math.abs(manifest.projectors[member]!.num_query_tokens - tokens);
		return [members.reduce((best, member) => (away(member) < away(best) ? member : best))];
	});
}

/** Every M that a projector or one of its family can give, ascending; where several can, one that was trained at it. */
export function budgetsOf(manifest: ModelManifest, projector: string): Budget[] {
	const side = gridSide(manifest.config.vision_config);
	const budgets = new Map<number, Budget>();
	for (const name of familyOf(manifest, projector)) {
		const entry = manifest.projectors[name]!;
		for (const tokens of tokenChoices(entry, side)) {
			const trained = isTrained(entry, tokens);
			const known = budgets.get(tokens);
			if (!known || (trained && !known.trained) || (name === projector && trained === known.trained))
				budgets.set(tokens, { tokens, projector: name, trained });
		}
	}
	return [...budgets.values()].sort((a, b) => a.tokens - b.tokens);
}

/** M of a view: what was asked for, or what the picture decides. @param M the projector's own when absent */
export function tokensOf(
	{ config }: Pick<ModelManifest, 'config'>,
	entry: ProjectorEntry,
	view: Pick<View, 'grid'>,
	M = entry.num_query_tokens
): number {
	return projectorOf(entry.config).tokensOf?.(patchGrid(config.vision_config, view)) ?? M;
}

/** `trained`, or that this M is outside what the projector was trained at. */
export function isTrained(entry: ProjectorEntry, tokens: number): boolean {
	return (
		entry.tokens_by === 'picture' ||
		tokens === entry.num_query_tokens ||
		entry.trained_tokens.includes(tokens)
	);
}

/**
 * The token that figures show until another is chosen: in the middle of the grid, below and right of it where the side is even (21 of
 * 36); the first where M is no square and not what the patches' grid is merged to.
 * @param grid of the patches, where it is known
 */
export function middleToken(tokens: number, grid?: GridShape): number {
	if (grid && grid.rows !== grid.columns) {
		const merged = Math.sqrt((grid.rows * grid.columns) / tokens);
		const [rows, columns] = [grid.rows / merged, grid.columns / merged];
		if (Number.isInteger(rows) && Number.isInteger(columns))
			return Math.floor(rows / 2) * columns + Math.floor(columns / 2);
	}
	const side = sideOf(tokens);
	return side === undefined ? 0 : Math.floor(side / 2) * (side + 1);
}

/** A regular division of the image, row-major from the top left. */
export interface TokenGrid extends GridShape {
	readonly count: number;
}

/** A grid with its number of cells. */
export const counted = ({ rows, columns }: GridShape): TokenGrid => ({
	rows,
	columns,
	count: rows * columns
});

/**
 * The grid a projector's visual tokens lie on: the patches themselves, or a √M × √M pooling (C-Abstractor) or grid of
 * reference points (D-Abstractor). Undefined where tokens have no place, as in the resampler, or several, or M is no square.
 */
export function tokenGrid(entry: ProjectorEntry, tokens: number, patches: number): TokenGrid | undefined {
	if (entry.token_places === 'none' || entry.token_places === 'apart') return undefined;
	const side = entry.token_places === 'patches' ? patches : sideOf(tokens);
	return side === undefined ? undefined : counted(squareGrid(side));
}

/** Cell of a grid under a point given as fractions of width and height; points outside go to the nearest cell. */
export function cellAt({ rows, columns }: TokenGrid, x: number, y: number): number {
	const clamp = (value: number, side: number) => Math.min(side - 1, Math.max(0, Math.floor(value * side)));
	return clamp(y, rows) * columns + clamp(x, columns);
}

/** The neighbouring cell in the direction of an arrow key; stays inside the grid. Undefined for other keys. */
export function neighbour(
	{ rows, columns, count }: TokenGrid,
	cell: number,
	key: string
): number | undefined {
	const row = Math.floor(cell / columns);
	const column = cell % columns;
	const within = (value: number, side: number) => Math.min(side - 1, Math.max(0, value));
	if (key === 'ArrowLeft') return row * columns + within(column - 1, columns);
	if (key === 'ArrowRight') return row * columns + within(column + 1, columns);
	if (key === 'ArrowUp') return within(row - 1, rows) * columns + column;
	if (key === 'ArrowDown') return within(row + 1, rows) * columns + column;
	if (key === 'Home') return 0;
	if (key === 'End') return count - 1;
	return undefined;
}

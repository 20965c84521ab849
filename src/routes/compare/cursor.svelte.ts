import { cellAcross } from '$lib/analysis/correspondence.ts';
import type { Cause, Selection } from '$lib/viz/figure.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';

/** Grid sizes of one column: M visual tokens over N patches. */
export interface Grids {
	readonly tokens: number;
	readonly patches: number;
}

/** One cursor over columns with grids of their own: what is pointed at in one column is found at the same place in the others. */
export class LinkedCursor {
	readonly selection = new PageSelection();
	readonly #grids: () => readonly (Grids | undefined)[];

	/** @param grids of every column, in order; unknown ones undefined */
	constructor(grids: () => readonly (Grids | undefined)[]) {
		this.#grids = grids;
	}

	/** What column `column` shows of the selection, in its own grids. */
	in(column: number): Selection {
		return translate(this.selection.now, this.#grids(), column);
	}

	/** `emit` of a figure that shows one column only and names none. */
	readonly emitFrom = (column: number) => (selection: Selection, cause: Cause) =>
		this.selection.emit(Object.keys(selection).length === 0 ? {} : { ...selection, column }, cause);
}

/** A selection that counts in one column's grids, in those of another column. Without a column it counts in the first. */
export function translate(
	selection: Selection,
	grids: readonly (Grids | undefined)[],
	column: number
): Selection {
	const { token, patch, column: from = 0, ...rest } = selection;
	const [source, target] = [grids[from], grids[column]];
	if (source === undefined || target === undefined) return { ...rest, column };
	const other = token === undefined ? undefined : cellAcross(token, source.tokens, target.tokens);
	const place = patch === undefined ? undefined : cellAcross(patch, source.patches, target.patches);
	return {
		...rest,
		column,
		...(other === undefined ? {} : { token: other }),
		...(place === undefined ? {} : { patch: place })
	};
}

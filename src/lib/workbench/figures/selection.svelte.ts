import type { Cause, Selection } from '../../viz/figure.ts';

/** The hover and selection that all figures of a page share: a hover passes, a selection stays until Escape. */
export class PageSelection {
	selected = $state.raw<Selection>({});
	hovered = $state.raw<Selection | undefined>();

	/** What figures show now. */
	get now(): Selection {
		return this.hovered ?? this.selected;
	}

	/** Given to every figure as `emit`. */
	readonly emit = (selection: Selection, cause: Cause): void => {
		if (cause === 'select') {
			this.selected = selection;
			this.hovered = undefined;
		} else this.hovered = selection;
	};

	/** Chooses by other means than a figure (a slider, a list); indices not named stay. */
	choose(part: Selection): void {
		this.selected = { ...this.selected, ...part };
		this.hovered = undefined;
	}

	clear(): void {
		this.selected = {};
		this.hovered = undefined;
	}
}

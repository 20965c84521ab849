import type { Selection } from '../figure.ts';

/** A figure in a saved page, packed by `export/pack.ts`. */
export interface SavedFigure {
	/** Id in the registry of the figure that draws it. */
	readonly kind: string;
	readonly title: string;
	readonly rows: unknown;
	/** Options of the figure itself, plain values. */
	readonly options: object;
	readonly selection: Selection;
}

/** Of the element that holds the figures' numbers. */
export const DATA_ID = 'saved-figures';
/** Attribute of the place of a figure: its index among the saved ones. */
export const PLACE = 'data-saved-figure';

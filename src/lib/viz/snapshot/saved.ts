import type { FigureOptions, Selection } from '../figure.ts';

/** A figure in a saved page, packed by `export/pack.ts`. */
export interface SavedFigure {
	/** Id in the registry of the figure that draws it. */
	readonly kind: string;
	readonly title: string;
	readonly rows: unknown;
	/** Options of the figure itself and the styles of projectors, plain values. */
	readonly options: Pick<FigureOptions, 'projectors'>;
	readonly selection: Selection;
}

/** Of the element that holds the figures' numbers. */
export const DATA_ID = 'saved-figures';
/** Attribute of the place of a figure: its index among the saved ones. */
export const PLACE = 'data-saved-figure';

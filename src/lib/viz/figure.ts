import type { ProjectorStyles, Theme } from './palette.ts';
import type { PaperTable } from './paper-table.ts';

/** What is pointed at or chosen, shared by all figures on the page. Indices; absent: nothing. */
export interface Selection {
	readonly token?: number;
	readonly patch?: number;
	readonly word?: number;
	readonly layer?: number;
	readonly head?: number;
	readonly point?: number;
	/** Step of a sweep. */
	readonly step?: number;
	/** Row of a figure that shows summaries. */
	readonly row?: number;
	/** Column of a comparison: whose tokens and words are counted. */
	readonly column?: number;
}

/** A hover passes, a selection stays until Escape. */
export type Cause = 'hover' | 'select';

export interface FigureOptions {
	/** CSS pixels. */
	readonly width: number;
	/** CSS pixels; by default what the figure needs at that width. */
	readonly height?: number;
	readonly theme?: Theme;
	/** Colours and titles of projectors. */
	readonly projectors: ProjectorStyles;
	/** Where elements are made; the page's by default. */
	readonly document?: Document;
	/**
	 * Cells as vector shapes instead of a pixel image, to be edited in other programs; `opaque`: only where nothing shines through, for PDF, in which
	 * shapes that overlap below one opacity show their overlaps.
	 */
	readonly vector?: boolean | 'opaque';
	/** For a file: pixel images are written so large that edges stay hard in programs that smooth. */
	readonly printed?: boolean;
	/** Pictures under maps without their colours, so that those of the map are told from them. */
	readonly grey?: boolean | undefined;
	/** Ids of the panels that are shown; all when absent. */
	readonly panels?: readonly string[] | undefined;
	/** Shown from the start; later changes come as `highlight` events (`interaction.ts`). */
	readonly selection?: Selection;
	/** Called when the reader points or chooses. Figures never call the worker: the session reacts. */
	readonly emit?: (selection: Selection, cause: Cause) => void;
}

/** A part of a figure. */
export interface FigurePanel {
	readonly id: string;
	readonly title: string;
}

export interface Table {
	/** Column heads, with units in brackets. */
	readonly columns: readonly string[];
	readonly rows: readonly (readonly (string | number)[])[];
}

/** One figure: one file. `draw` is pure: the same rows and options give the same SVG. */
export interface Figure<Rows, Options extends object = object> {
	/** Kebab-case, the file's name. */
	readonly id: string;
	readonly title: string;
	/** One sentence: how to read it. */
	readonly readingAid: string;
	/** How the numbers are made, in a few sentences. */
	readonly method: string;
	/** It shows where in the image visual tokens belong: what a model's training says of that stands in its method. */
	readonly ofPlaces?: true;
	draw(rows: Rows, options: FigureOptions & Options): SVGSVGElement;
	/** The rows for what is selected now, where they hold more than is shown; the same object when nothing changes. */
	follow?(rows: Rows, selection: Selection): Rows;
	/** Parts that can be shown alone (`FigureOptions.panels`), where the figure has some. */
	panels?(rows: Rows): readonly FigurePanel[];
	/** The same numbers to read, and for CSV. */
	table(rows: Rows): Table;
	/** The same numbers as a paper sets them, where they have such a form; else the table. */
	paper?(rows: Rows, styles: ProjectorStyles): PaperTable;
}

import { getContext, setContext } from 'svelte';
import type { Table } from '../figure.ts';
import type { ProjectorStyles } from '../palette.ts';
import type { CapsuleOrigin, CapsuleSet } from './capsule.ts';
import type { Exportable } from './files.ts';
import type { PrintOptions } from './print.ts';

/** What the workbench does for the figures on its pages; without one a figure exports alone and carries no capsule. */
export interface FigureHost {
	/** Version of the workbench. */
	readonly application: string;
	/** Colours and titles of projectors. */
	readonly projectors: ProjectorStyles;
	/** Pictures under maps are shown without their colours. */
	grey: boolean;
	/** What the model that is loaded says of places in its figures. */
	readonly caveat?: string | undefined;
	/** Choices of the export menu, kept between figures and visits. */
	print: PrintOptions;
	/** Where the figures come from, now. */
	origin(): CapsuleOrigin;
	/** The whole address that opens a page and its state again. @param address below the site's root; the page's own when absent */
	link(address?: string): string;
	/** BibTeX that cites a figure. */
	citation(figure: {
		readonly title: string;
		readonly provenance: string;
		readonly address?: string;
	}): string;
	/** Makes a figure one of the page's; returns what takes it away again. Gives its number among those of its id. */
	register(
		id: string,
		read: () => Exportable | undefined
	): { readonly ordinal: number; readonly remove: () => void };
	/** The figures of the page that have something to show, in reading order. */
	figures(): readonly Exportable[];
	/** Result of comparing a figure's numbers with those of the file it was opened from; undefined when it was not. */
	compare(id: string, ordinal: number, table: () => Table): Reopened | undefined;
	/** What the file holds that a figure was opened from, to draw it from; undefined when it was not opened from one, or the file has nothing. */
	fromFile(id: string, ordinal: number): FileFigure | undefined;
}

/** A figure as an exported file holds it. */
export interface FileFigure {
	readonly rows: unknown;
	readonly options: object;
	readonly provenance: string;
	/** Whole: the phrase and the figure's own words. */
	readonly method: string;
	readonly set?: CapsuleSet | undefined;
	readonly origin: CapsuleOrigin;
	/** Which model and when, a phrase. */
	readonly made: string;
}

/** Said while what the page has is not yet what is to be compared. */
export const computingAgain = 'Computing again, to compare with the file …';

export interface Reopened {
	readonly state: 'computing' | 'identical' | 'different' | 'unknown';
	readonly words: string;
}

const KEY = Symbol('figure host');

export function setFigureHost(host: FigureHost): FigureHost {
	return setContext(KEY, host);
}

export function getFigureHost(): FigureHost | undefined {
	return getContext<FigureHost | undefined>(KEY);
}

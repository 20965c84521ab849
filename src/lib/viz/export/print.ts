/** How a figure leaves the page: its width on paper, its type, its resolution. */

export type Typeface = 'sans' | 'serif';

export interface PrintOptions {
	/** Width on paper. */
	readonly inches: number;
	/** Size of the figure's body type on paper, points of 1/72 in. */
	readonly points: number;
	readonly typeface: Typeface;
	/** Panel letter at the top left, e.g. "a"; empty for none. */
	readonly letter: string;
	/** Pixels to an inch, for PNG. */
	readonly dpi: number;
	/** Cells of maps: one pixel image, which shows no seams anywhere, or shapes that can be edited. */
	readonly cells: Cells;
	/** Panels of one figure that are printed; all when absent. */
	readonly panels?: readonly string[] | undefined;
}

export type Cells = 'image' | 'shapes';

export interface Preset {
	readonly id: 'single' | 'double' | 'text' | 'slide';
	readonly label: string;
	readonly inches: number;
	readonly points: number;
}

/** Widths of a two-column conference paper, of the text of a one-column one, and of a slide. */
export const presets: readonly Preset[] = [
	{ id: 'single', label: 'CVPR column, 3.25 in', inches: 3.25, points: 8 },
	{ id: 'double', label: 'CVPR full width, 6.875 in', inches: 6.875, points: 8 },
	{ id: 'text', label: 'NeurIPS text, 5.5 in', inches: 5.5, points: 9 },
	{ id: 'slide', label: 'Slide, 10 in', inches: 10, points: 16 }
];

export const defaultPrint: PrintOptions = {
	inches: 3.25,
	points: 8,
	typeface: 'sans',
	letter: '',
	dpi: 300,
	cells: 'image'
};

/** Families that Illustrator, Inkscape and browsers know by these names, the generic one last. */
export const families: Readonly<Record<Typeface, string>> = {
	sans: "Arial, Helvetica, 'Liberation Sans', sans-serif",
	serif: "'Times New Roman', Times, 'Liberation Serif', serif"
};

/** Body type of a figure as it is drawn, CSS pixels (`svg.ts`). */
export const DRAWN_TYPE = 12;

/** Inches that a figure has on a page, letter or A4, with its caption. */
export const PAGE_HEIGHT = 8.75;

const POINTS_PER_INCH = 72;

/** Inches on paper of one pixel of the drawing: the type decides, all else follows. */
export function inchesPerPixel({ points }: Pick<PrintOptions, 'points'>): number {
	return points / POINTS_PER_INCH / DRAWN_TYPE;
}

/** Width to draw a figure at, pixels, so that it has its width and its type on paper. */
export function drawnWidth(print: Pick<PrintOptions, 'inches' | 'points'>): number {
	return print.inches / inchesPerPixel(print);
}

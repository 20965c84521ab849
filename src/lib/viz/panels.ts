import type { FigureOptions } from './figure.ts';

/** How panels of equal size stand side by side. */
export interface PanelLayout {
	/** Panels in one row. */
	readonly across: number;
	/** Width of each panel, pixels. */
	readonly width: number;
	/** Upper left corner of panel `index` when every row is `height` high. */
	place(index: number, height: number): { readonly x: number; readonly y: number };
}

/** Least width of a panel with a map, pixels; two fit beside each other in a column of a paper. */
export const leastMap = ({ printed }: Pick<FigureOptions, 'printed'>): number => (printed ? 160 : 190);

/** As many panels in a row as there is room for, in rows of equal length: four become two and two before three and one. */
export function sideBySide(count: number, width: number, least = 190, gap = 20): PanelLayout {
	const fit = Math.max(1, Math.min(count, Math.floor((width + gap) / (least + gap))));
	const across = count === 0 ? 1 : Math.ceil(count / Math.ceil(count / fit));
	const each = (width - gap * (across - 1)) / across;
	return {
		across,
		width: each,
		place: (index, height) => ({
			x: (index % across) * (each + gap),
			y: Math.floor(index / across) * height
		})
	};
}

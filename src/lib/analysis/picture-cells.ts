/** A rectangle in pixels of the original picture. */
export interface Region {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
}

/** One value and where it belongs on the original picture. */
export interface PictureCell {
	/** What it is of, e.g. "tile in row 1, column 2, token 5". */
	readonly name: string;
	/** One, or several that lie apart; none where it lies on padding alone: counted, not drawn. */
	readonly regions: readonly Region[];
	readonly value: number;
}

/** Values that lie side by side: those of all tiles, or those of the view of the whole picture. */
export interface PictureLayer {
	readonly title: string;
	readonly cells: readonly PictureCell[];
}

/** Values of all views of a picture, where they belong on it. */
export interface PictureValues {
	readonly layers: readonly PictureLayer[];
	readonly label: string;
	readonly unit: string;
	/** Whether values have a sign. */
	readonly signed: boolean;
	/** Whether the sum of a layer says something: shares, nats. */
	readonly sums: boolean;
	/** The original picture's, in pixels. */
	readonly size: { readonly width: number; readonly height: number };
}

/** Maps of all visual tokens of one projector, computed as the locality page does at first. */
export interface MapTime {
	readonly backend: string;
	readonly projector: string;
	/** M and N. */
	readonly tokens: number;
	readonly patches: number;
	/** `study/measurement.ts` */
	readonly method: string;
	/** K, random directions. */
	readonly directions: number;
	readonly ms: number;
}

/** A drawn figure of M × N values on a page with others that follow its pointer. */
export interface FigureTime {
	readonly figure: string;
	readonly tokens: number;
	readonly patches: number;
	/** From rows to a laid out drawing, the first time, and again with everything known (median). */
	readonly draw_ms: number;
	readonly redraw_ms: number;
	/** Main thread's work of one pointer move in this figure, all others following: median and 95th percentile. */
	readonly hover_ms: number;
	readonly hover_p95_ms: number;
	/** Frames drawn while the pointer moves in every frame. */
	readonly frames_per_second: number;
}

export interface ViewsReport {
	readonly maps: readonly MapTime[];
	readonly figures: readonly FigureTime[];
}

/** Past, present and future of something edited. A gesture (a drag, a row of key presses) is one step back, however many edits it makes. */
export interface History<T> {
	readonly past: readonly T[];
	readonly present: T;
	readonly future: readonly T[];
	/** The gesture that made the present, while it can go on. */
	readonly gesture?: string;
}

const kept = 200;

export function begin<T>(present: T): History<T> {
	return { past: [], present, future: [] };
}

/** The edit becomes the present; edits of one gesture replace each other. What was undone is dropped. */
export function edit<T>(history: History<T>, next: T, gesture?: string): History<T> {
	if (next === history.present) return history;
	const goesOn = gesture !== undefined && gesture === history.gesture;
	return {
		past: goesOn ? history.past : [...history.past, history.present].slice(-kept),
		present: next,
		future: [],
		...(gesture === undefined ? {} : { gesture })
	};
}

export function undo<T>(history: History<T>): History<T> {
	const before = history.past.at(-1);
	if (before === undefined) return history;
	return { past: history.past.slice(0, -1), present: before, future: [history.present, ...history.future] };
}

export function redo<T>(history: History<T>): History<T> {
	const [next, ...future] = history.future;
	if (next === undefined) return history;
	return { past: [...history.past, history.present], present: next, future };
}

/** As if the gesture had never been, e.g. when something dragged in is dropped outside. */
export function abandon<T>(history: History<T>, gesture: string): History<T> {
	const before = history.past.at(-1);
	if (history.gesture !== gesture || before === undefined) return history;
	return { past: history.past.slice(0, -1), present: before, future: [] };
}

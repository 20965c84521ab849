import type { FigureOptions, Selection } from './figure.ts';

/** How a figure takes part in linked hover and selection. */
export interface Linked {
	/** What lies at a point of the figure (its own pixels). */
	at(x: number, y: number): Selection | undefined;
	/** Marks a selection and writes its numbers; an empty one clears. Must be cheap: it runs on every pointer move. */
	show(selection: Selection): void;
	/** What a key leads to from the current selection; nothing when the key has no meaning here. */
	move?(key: string, from: Selection): Selection | undefined;
}

const HIGHLIGHT = 'highlight';

/** Shows a selection in a drawn figure without drawing it again. */
export function highlight(svg: SVGSVGElement, selection: Selection): void {
	svg.dispatchEvent(new CustomEvent<Selection>(HIGHLIGHT, { detail: selection }));
}

/** Names of a selection's indices. */
export const selectionIndices = [
	'token',
	'patch',
	'word',
	'layer',
	'head',
	'point',
	'step',
	'row',
	'column'
] as const satisfies readonly (keyof Selection)[];

/** Same indices, absent ones too. */
export function sameSelection(a: Selection, b: Selection): boolean {
	return selectionIndices.every((key) => a[key] === b[key]);
}

/**
 * Makes a figure answer to pointer and keys: pointing emits a hover, a click or a key a selection, Escape an empty one. The figure shows
 * what it emits at once; everything else reaches it by `highlight`.
 */
export function link(svg: SVGSVGElement, options: FigureOptions, linked: Linked): void {
	let chosen: Selection = options.selection ?? {};
	let shown: Selection = chosen;
	const show = (selection: Selection) => {
		shown = selection;
		linked.show(selection);
	};
	show(chosen);
	svg.addEventListener(HIGHLIGHT, (event) => {
		chosen = (event as CustomEvent<Selection>).detail;
		if (!sameSelection(shown, chosen)) show(chosen);
	});
	if (!options.emit) return;
	const { emit } = options;
	svg.setAttribute('role', 'group');
	svg.setAttribute('tabindex', '0');

	const under = (event: MouseEvent): Selection | undefined => {
		const box = svg.getBoundingClientRect();
		const scale = box.width > 0 ? options.width / box.width : 1;
		return linked.at((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
	};
	const hover = (selection: Selection) => {
		if (sameSelection(shown, selection)) return;
		show(selection);
		emit(selection, 'hover');
	};
	const select = (selection: Selection) => {
		chosen = selection;
		show(selection);
		emit(selection, 'select');
	};
	svg.addEventListener('pointermove', (event) => hover({ ...chosen, ...under(event) }));
	svg.addEventListener('pointerleave', () => hover(chosen));
	svg.addEventListener('click', (event) => {
		const selection = under(event);
		if (selection) select({ ...chosen, ...selection });
	});
	svg.addEventListener('keydown', (event) => {
		const next = event.key === 'Escape' ? {} : linked.move?.(event.key, chosen);
		if (!next) return;
		event.preventDefault();
		select(next);
	});
}

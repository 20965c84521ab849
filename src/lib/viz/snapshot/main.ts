/** Makes the figures of a saved page live again: no model, no network, only the numbers that are in the page. */
import { unpackValue } from '../export/pack.ts';
import type { Figure, Selection, Table } from '../figure.ts';
import { number } from '../format.ts';
import { highlight } from '../interaction.ts';
import type { Theme } from '../palette.ts';
import { figures } from '../registry.ts';
import { watchTheme } from '../theme.ts';
import { DATA_ID, PLACE, type SavedFigure } from './saved.ts';

/** Rows of a table that are written at once; more would make the page slow. */
const MOST_ROWS = 1000;

interface Live {
	draw(theme: Theme): void;
	show(selection: Selection): void;
}

let selected: Selection = {};
let theme: Theme = 'light';
const live: Live[] = [];
const show = (selection: Selection) => live.forEach((one) => one.show(selection));

function mount(place: HTMLElement, saved: SavedFigure): Live {
	const figure = figures.find(({ id }) => id === saved.kind) as unknown as
		Figure<unknown, object> | undefined;
	if (!figure) throw new Error(`There is no figure “${saved.kind}”.`);
	let rows = saved.rows;
	let drawn: SVGSVGElement | undefined;
	let width = 0;
	const holder = document.createElement('div');
	const draw = (now: Theme) => {
		width = place.clientWidth;
		if (width === 0) return;
		const focused = drawn !== undefined && drawn === document.activeElement;
		drawn = figure.draw(rows, {
			...saved.options,
			width,
			theme: now,
			selection: selected,
			emit: (selection: Selection, cause: 'hover' | 'select') => {
				if (cause === 'select') selected = selection;
				show(selection);
			}
		});
		drawn.setAttribute('aria-label', saved.title);
		holder.replaceChildren(drawn);
		if (focused) drawn.focus();
	};
	place.replaceChildren(holder);
	place.style.minHeight = '0';
	place.after(tableButton(place, holder, () => figure.table(rows), saved.title));
	new ResizeObserver(() => {
		if (place.clientWidth !== width) draw(theme);
	}).observe(place);
	return {
		draw,
		show(selection) {
			// Rows that hold more than is shown follow the selection, as they do on the page they were saved from.
			const other = figure.follow?.(rows, selection);
			if (other !== undefined && other !== rows) {
				rows = other;
				draw(theme);
			}
			if (drawn) highlight(drawn, selection);
		}
	};
}

function tableButton(
	place: HTMLElement,
	holder: HTMLElement,
	table: () => Table,
	title: string
): HTMLElement {
	const button = document.createElement('button');
	button.type = 'button';
	button.className = 'quiet small';
	button.textContent = 'Show as table';
	let shown: HTMLElement | undefined;
	button.addEventListener('click', () => {
		if (shown) shown.remove();
		shown = shown ? undefined : tableOf(table(), title);
		if (shown) place.append(shown);
		holder.hidden = shown !== undefined;
		button.setAttribute('aria-pressed', `${shown !== undefined}`);
		button.textContent = shown ? 'Show the figure' : 'Show as table';
	});
	return button;
}

function tableOf({ columns, rows }: Table, title: string): HTMLElement {
	const region = document.createElement('div');
	region.style.cssText = 'max-height: 28rem; overflow: auto;';
	region.tabIndex = 0;
	region.setAttribute('role', 'region');
	region.setAttribute('aria-label', `${title}, table`);
	const table = document.createElement('table');
	table.className = 'numbers';
	const head = table.createTHead().insertRow();
	for (const column of columns) {
		const cell = document.createElement('th');
		cell.scope = 'col';
		cell.textContent = column;
		head.append(cell);
	}
	const body = table.createTBody();
	for (const row of rows.slice(0, MOST_ROWS)) {
		const line = body.insertRow();
		for (const value of row)
			line.insertCell().textContent = typeof value === 'number' ? number(value) : value;
	}
	region.append(table);
	if (rows.length > MOST_ROWS) region.append(`The first ${MOST_ROWS} of ${rows.length} rows.`);
	return region;
}

function begin(): void {
	const saved = unpackValue(document.getElementById(DATA_ID)?.textContent ?? '[]') as SavedFigure[];
	selected = saved.find(({ selection }) => Object.keys(selection).length > 0)?.selection ?? {};
	for (const place of document.querySelectorAll<HTMLElement>(`[${PLACE}]`)) {
		const figure = saved[Number(place.getAttribute(PLACE))];
		if (figure) live.push(mount(place, figure));
	}
	watchTheme((now) => {
		theme = now;
		for (const one of live) one.draw(now);
	});
	document.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') show((selected = {}));
	});
}

begin();

import { toCell, toNotebook, type Cell, type Notebook } from '@observablehq/notebook-kit';
import { Runtime, RuntimeError } from '@observablehq/runtime';
import { readNotebook, writeNotebook } from '../file.ts';
import { fromJupyter, isJupyter } from '../jupyter.ts';
import type { ProjectorStyles } from '../../viz/palette.ts';
import type { FileInfo, Inputs, NotebookSubject, OpenMessage } from '../protocol.ts';
import { absent } from '../reference.ts';
import { fileAttachments } from './attachment.ts';
import { kinds, RunningCell, type Kind, type Surroundings } from './cell.ts';
import { MISSING, type Connection } from './connection.ts';
import { makeEditor, type Editor } from './editor.ts';
import { ImportedNotebooks, notebookOf } from './imported.ts';
import { KeptInputs } from './inputs.ts';
import { colouring, drawing } from './library.ts';
import { sharedNames } from './shared.ts';
import { Supplies, withCompiler } from './supplies.ts';
import { Value } from './value.ts';

/** One cell on the page: text, editor, output. */
interface Shown {
	cell: Cell;
	readonly element: HTMLElement;
	readonly running: RunningCell;
	readonly holder: HTMLElement;
	readonly state: HTMLElement;
	readonly kind: HTMLSelectElement;
	/** Made here and not yet written in. */
	fresh: boolean;
	editor: Editor | undefined;
	/** Text as it ran last. */
	ran: string | undefined;
}

const UNDO = 100;

/** A notebook in its frame: cells, their editors and the reactive runtime. The page keeps the file. */
export class NotebookView {
	readonly #root: HTMLElement;
	readonly #connection: Connection;
	#notebook: Notebook = toNotebook({});
	#cells: Shown[] = [];
	#trusted = false;
	#editable = false;
	#runtime: Runtime;
	#around: Surroundings;
	readonly #supplies: Supplies;
	readonly #subject = new Value<NotebookSubject | undefined>(undefined);
	readonly #dark = new Value(false);
	readonly #files = new Value<readonly FileInfo[]>([]);
	#kept: KeptInputs;
	#styles: ProjectorStyles = {};
	#undo: string[] = [];
	#pendingKey = '';
	#telling = false;
	/** The title is the first heading, and follows it. */
	#titled = true;

	constructor(root: HTMLElement, connection: Connection) {
		this.#root = root;
		this.#connection = connection;
		this.#supplies = new Supplies(connection);
		this.#kept = this.#keep({});
		({ runtime: this.#runtime, around: this.#around } = this.#start());
		// The page gives the frame the height of what is in it, so that only the page scrolls.
		new ResizeObserver(() =>
			connection.send({ type: 'height', height: Math.ceil(root.getBoundingClientRect().height) })
		).observe(root);
	}

	#keep(inputs: Inputs): KeptInputs {
		return new KeptInputs(inputs, (now) => this.#connection.send({ type: 'inputs', inputs: now }));
	}

	open(message: OpenMessage): void {
		this.#styles = message.styles;
		this.#trusted = message.trusted;
		this.#editable = message.editable;
		this.#undo = [];
		this.#files.set(message.files);
		this.#kept = this.#keep(message.inputs);
		this.#read(message.text);
		if (isJupyter(message.text)) this.#changed();
		if (message.trusted && message.run) return this.runAll();
		for (const { running, cell } of this.#cells) running.static(cell);
		this.#report();
	}

	setEditable(editable: boolean): void {
		this.#editable = editable;
		for (const { editor } of this.#cells) editor?.setEditable(editable);
		this.#root.classList.toggle('fixed', !editable);
	}

	setSubject(subject: NotebookSubject | undefined): void {
		// Said again without a change, it makes no cell run again.
		if (JSON.stringify(subject) !== JSON.stringify(this.#subject.now)) this.#subject.set(subject);
	}

	setFiles(files: readonly FileInfo[]): void {
		// Said again without a change, it makes no cell run again.
		if (JSON.stringify(files) !== JSON.stringify(this.#files.now)) this.#files.set(files);
	}

	setTheme(dark: boolean): void {
		document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
		if (dark !== this.#dark.now) this.#dark.set(dark);
	}

	/** Runs all cells; the runtime finds the order. */
	runAll(): void {
		this.#trusted = true;
		this.#runThese(this.#cells);
	}

	stopAll(): void {
		for (const { running } of this.#cells) running.stop();
	}

	/** The outputs as they stand, for a page that opens without the workbench. */
	outputs(): string {
		return this.#cells
			.filter(({ cell }) => !cell.hidden)
			.map(({ running }) => {
				const output = running.output.cloneNode(true) as HTMLElement;
				// Without KaTeX's style and fonts, its MathML is what is seen.
				for (const drawn of output.querySelectorAll('.katex-html')) drawn.remove();
				return `<section>${output.innerHTML}</section>`;
			})
			.join('\n');
	}

	// ---- reading and writing -------------------------------------------------------------------------------------

	#read(text: string): void {
		for (const shown of this.#cells) this.#drop(shown);
		this.#runtime.dispose();
		({ runtime: this.#runtime, around: this.#around } = this.#start());
		this.#notebook = isJupyter(text) ? toNotebook(fromJupyter(text)) : readNotebook(text);
		const { title, cells } = this.#notebook;
		this.#titled = title === 'Untitled' || title === heading(cells);
		this.#cells = this.#notebook.cells.map((cell) => this.#show(cell));
		if (this.#cells.length === 0) this.#cells = [this.#show(this.#fresh('md'))];
		this.#root.replaceChildren(...this.#cells.map(({ element }) => element), this.#adding());
		this.setEditable(this.#editable);
	}

	#text(): string {
		// A cell that was made and never written in is no part of the notebook.
		const cells = this.#cells
			.filter(({ cell, fresh }) => !fresh || cell.value !== '')
			.map(({ cell }) => cell);
		const title = (this.#titled ? heading(cells) : undefined) ?? this.#notebook.title;
		this.#notebook = { ...this.#notebook, cells, title };
		return writeNotebook(this.#notebook);
	}

	#changed(): void {
		try {
			const text = this.#text();
			this.#connection.send({ type: 'changed', text, title: this.#notebook.title });
		} catch (error) {
			this.#connection.send({ type: 'unwritten', message: (error as Error).message });
		}
	}

	/** Keeps the whole as it is now, before a cell is made, moved or taken away. */
	#remember(): void {
		this.#undo = [...this.#undo, this.#text()].slice(-UNDO);
	}

	/**
	 * Undo of making, moving, changing the kind of and deleting cells. Cells that are still there stay as they are, with their
	 * text (whose undo is the editor's) and what they show; only those that come back run.
	 */
	#back(): void {
		const text = this.#undo.pop();
		if (text === undefined || !this.#editable) return;
		this.#notebook = readNotebook(text);
		const before = new Map(this.#cells.map((shown) => [shown.cell.id, shown]));
		const same = ({ id, mode }: Cell) => {
			const shown = before.get(id);
			return shown?.cell.mode === mode ? shown : undefined;
		};
		const kept = new Set(this.#notebook.cells.map(same));
		for (const shown of this.#cells) if (!kept.has(shown)) this.#drop(shown);
		const made: Shown[] = [];
		this.#cells = this.#notebook.cells.map((cell) => {
			const known = same(cell);
			if (known) return known;
			const shown = this.#show({ ...cell, value: before.get(cell.id)?.cell.value ?? cell.value });
			made.push(shown);
			return shown;
		});
		const at = document.activeElement?.closest('section');
		this.#root.replaceChildren(...this.#cells.map(({ element }) => element), this.#adding());
		this.setEditable(this.#editable);
		for (const shown of made)
			if (this.#trusted) this.#run(shown);
			else shown.running.static(shown.cell);
		(made[0]?.element ?? at ?? this.#cells[0]?.element)?.focus();
		this.#changed();
		this.#report();
	}

	#drop({ running, editor, element }: Shown): void {
		running.remove();
		editor?.view.destroy();
		element.remove();
	}

	// ---- running -------------------------------------------------------------------------------------------------

	#start(): { runtime: Runtime; around: Surroundings } {
		const read = (name: string) => this.#supplies.file(name);
		const changing = {
			subject: () => this.#subject.values((subject) => subject),
			// Figures have literal colours, so cells that draw run again when the theme changes.
			draw: () => this.#dark.values((dark) => drawing(dark ? 'dark' : 'light', this.#styles)),
			colours: () => colouring(this.#styles),
			width: () => widths(this.#root),
			dark: () => this.#dark.values((dark) => dark),
			FileAttachment: () => this.#files.values((files) => fileAttachments(files, read))
		};
		const runtime = new Runtime(sharedNames(changing, this.#supplies), globalOf);
		const common = {
			connection: this.#connection,
			load: (specifier: string): Promise<object> => {
				const name = notebookOf(specifier);
				return name === undefined ? this.#supplies.module(specifier) : imported.get(name);
			},
			asset: (path: string) => {
				try {
					return fileAttachments(this.#files.now, read)(path).url();
				} catch {
					return undefined;
				}
			}
		};
		const imported = new ImportedNotebooks(this.#supplies, common);
		return { runtime, around: { ...common, module: runtime.module(), kept: this.#kept } };
	}

	#run(shown: Shown): void {
		this.#runThese([shown]);
	}

	#runThese(some: readonly Shown[]): void {
		if (!this.#trusted) return;
		const run = () => {
			for (const shown of some) {
				if (!this.#cells.includes(shown)) continue;
				shown.ran = shown.cell.value;
				shown.running.run(shown.cell);
			}
		};
		const waiting = withCompiler(
			this.#supplies,
			some.map(({ cell }) => cell)
		);
		// Without the compiler, its cells say so themselves.
		if (waiting) void waiting.then(run, run);
		else run();
	}

	#report(): void {
		if (this.#telling) return;
		this.#telling = true;
		queueMicrotask(() => {
			this.#telling = false;
			const count = (status: string) => this.#cells.filter(({ running }) => running.status === status).length;
			for (const { element, running, state, cell, ran } of this.#cells) {
				element.classList.toggle('running', running.status === 'running');
				element.classList.toggle('outdated', running.outdated);
				element.setAttribute('aria-busy', `${running.status === 'running'}`);
				state.textContent =
					running.status === 'stopped'
						? 'Stopped.'
						: running.outdated
							? MISSING
							: ran === undefined && cell.mode !== 'md' && cell.mode !== 'tex' && cell.value.trim() !== ''
								? 'Not run.'
								: '';
			}
			this.#connection.send({
				type: 'status',
				running: count('running'),
				failed: count('failed'),
				ran: count('done') + count('failed') + count('stopped'),
				cells: this.#cells.length
			});
		});
	}

	// ---- cells on the page ---------------------------------------------------------------------------------------

	#fresh(mode: Kind): Cell {
		const id = Math.max(0, ...this.#cells.map(({ cell }) => cell.id)) + 1;
		return toCell({ id, mode, value: '' });
	}

	#show(cell: Cell): Shown {
		const element = document.createElement('section');
		element.tabIndex = 0;
		element.id = `cell-${cell.id}`;
		element.setAttribute('aria-label', labelOf(cell));
		const output = document.createElement('div');
		output.className = 'output';
		const holder = document.createElement('div');
		holder.className = 'editor';
		const state = document.createElement('div');
		state.className = 'state';
		state.setAttribute('role', 'status');
		const running = new RunningCell(this.#around, output, () => this.#report());
		const kind = kindOf(cell, (mode) => this.#become(shown, mode));
		const shown: Shown = {
			cell,
			element,
			running,
			holder,
			state,
			kind,
			fresh: false,
			editor: undefined,
			ran: undefined
		};
		const tools = document.createElement('div');
		tools.className = 'tools';
		tools.append(
			kind,
			button('Edit', () => this.#edit(shown)),
			button('Run', () => this.#runAnd(shown, 'stay')),
			button('Stop', () => running.stop()),
			button('Delete', () => this.#delete(shown))
		);
		element.append(tools, output, holder, state);
		holder.hidden = true;
		if (cell.pinned) this.#openEditor(shown);
		element.addEventListener('keydown', (event) => {
			if (event.target === element) this.#key(shown, event);
		});
		element.addEventListener('focus', () => {
			// What was clicked is seen already.
			if (!element.matches(':focus-visible')) return;
			const { top, bottom } = element.getBoundingClientRect();
			this.#connection.send({ type: 'reveal', top, bottom });
		});
		element.addEventListener('dblclick', (event) => {
			if (!(event.target as Element).closest('.editor')) this.#edit(shown);
		});
		return shown;
	}

	#openEditor(shown: Shown): void {
		shown.holder.hidden = false;
		shown.editor ??= makeEditor(
			shown.holder,
			shown.cell.value,
			shown.cell.mode,
			`Text of cell ${shown.cell.id}`,
			() => this.#cells.flatMap(({ running }) => running.names),
			{
				run: (then) => this.#runAnd(shown, then),
				leave: () => this.#leave(shown),
				past: (direction) => this.#past(shown, direction),
				changed: (value) => {
					shown.cell = { ...shown.cell, value };
					shown.fresh = false;
					this.#changed();
				},
				caret: (top, bottom) => this.#connection.send({ type: 'reveal', top, bottom })
			}
		);
		shown.editor.setEditable(this.#editable);
	}

	#edit(shown: Shown): void {
		this.#openEditor(shown);
		shown.editor?.view.focus();
	}

	#leave(shown: Shown): void {
		if (!shown.cell.pinned && shown.cell.value === shown.ran) shown.holder.hidden = true;
		shown.element.focus();
	}

	#past(shown: Shown, direction: -1 | 1): boolean {
		const next = this.#cells[this.#cells.indexOf(shown) + direction];
		next?.element.focus();
		return next !== undefined;
	}

	#runAnd(shown: Shown, then: 'next' | 'stay' | 'below'): void {
		this.#run(shown);
		if (!shown.cell.pinned && this.#trusted) shown.holder.hidden = true;
		if (then === 'below') return this.#insert(shown, 1, 'js');
		const next = this.#cells[this.#cells.indexOf(shown) + 1];
		if (then === 'next' && !next && !shown.fresh) return this.#insert(shown, 1, 'js');
		(then === 'next' && next ? next : shown).element.focus();
	}

	#insert(beside: Shown | undefined, offset: 0 | 1, mode: Kind): void {
		if (!this.#editable) return;
		this.#remember();
		const shown = this.#show(this.#fresh(mode));
		shown.fresh = true;
		const at = beside ? this.#cells.indexOf(beside) + offset : this.#cells.length;
		this.#cells.splice(at, 0, shown);
		this.#root.insertBefore(shown.element, this.#root.children[at] ?? null);
		this.#edit(shown);
		this.#changed();
	}

	#delete(shown: Shown): void {
		if (!this.#editable) return;
		this.#remember();
		const at = this.#cells.indexOf(shown);
		this.#drop(shown);
		this.#cells.splice(at, 1);
		(this.#cells[at] ?? this.#cells[at - 1])?.element.focus();
		this.#changed();
		this.#report();
	}

	#move(shown: Shown, direction: -1 | 1): void {
		const at = this.#cells.indexOf(shown);
		const to = at + direction;
		if (!this.#editable || to < 0 || to >= this.#cells.length) return;
		this.#remember();
		this.#cells.splice(at, 1);
		this.#cells.splice(to, 0, shown);
		this.#root.insertBefore(shown.element, this.#cells[to + 1]?.element ?? this.#root.lastElementChild);
		shown.element.focus();
		this.#changed();
	}

	#become(shown: Shown, mode: Kind): void {
		if (!this.#editable || shown.cell.mode === mode) return;
		this.#remember();
		shown.cell = { ...shown.cell, mode, pinned: toCell({ id: shown.cell.id, mode }).pinned };
		shown.editor?.setMode(mode);
		shown.kind.value = mode;
		shown.element.setAttribute('aria-label', labelOf(shown.cell));
		this.#openEditor(shown);
		this.#changed();
	}

	/** Keys at a cell, as in Jupyter's command mode. */
	#key(shown: Shown, event: KeyboardEvent): void {
		const { key } = event;
		const twice = this.#pendingKey === 'd' && key === 'd';
		this.#pendingKey = key;
		const modified = event.ctrlKey || event.metaKey;
		const actions: Readonly<Record<string, () => unknown>> = {
			Enter: () =>
				event.shiftKey
					? this.#runAnd(shown, 'next')
					: modified
						? this.#runAnd(shown, 'stay')
						: event.altKey
							? this.#runAnd(shown, 'below')
							: this.#edit(shown),
			ArrowUp: () => (event.altKey ? this.#move(shown, -1) : this.#past(shown, -1)),
			ArrowDown: () => (event.altKey ? this.#move(shown, 1) : this.#past(shown, 1)),
			k: () => this.#past(shown, -1),
			j: () => this.#past(shown, 1),
			a: () => this.#insert(shown, 0, 'js'),
			b: () => this.#insert(shown, 1, 'js'),
			d: () => twice && this.#delete(shown),
			z: () => this.#back(),
			m: () => this.#become(shown, 'md'),
			y: () => this.#become(shown, 'js'),
			i: () => shown.running.stop()
		};
		const action = actions[key];
		if (!action || (modified && key !== 'Enter' && key !== 'z')) return;
		event.preventDefault();
		action();
	}

	#adding(): HTMLElement {
		const place = document.createElement('div');
		place.className = 'add';
		place.append(
			button('Add JavaScript', () => this.#insert(undefined, 1, 'js')),
			button('Add Markdown', () => this.#insert(undefined, 1, 'md')),
			button('Add HTML', () => this.#insert(undefined, 1, 'html')),
			button('Undo', () => this.#back())
		);
		return place;
	}
}

/** The first heading of a notebook. */
function heading(cells: readonly Cell[]): string | undefined {
	return cells.flatMap(({ mode, value }) => (mode === 'md' ? (/^# (.+)$/m.exec(value)?.[1] ?? []) : []))[0];
}

/** What a name means that no cell defines. @throws RuntimeError when it means nothing */
function globalOf(name: string): unknown {
	if (Object.hasOwn(absent, name)) throw new RuntimeError(`${name} ${absent[name]!}.`, name);
	if (!(name in globalThis)) throw new RuntimeError(`${name} is not defined`, name);
	return (globalThis as Record<string, unknown>)[name];
}

function labelOf({ id, mode }: Cell): string {
	return `Cell ${id}, ${Object.hasOwn(kinds, mode) ? kinds[mode as Kind] : mode}`;
}

/** Chooses what kind of cell it is. */
function kindOf({ id, mode }: Cell, become: (mode: Kind) => void): HTMLSelectElement {
	const select = document.createElement('select');
	select.setAttribute('aria-label', `Kind of cell ${id}`);
	for (const [value, label] of Object.entries(kinds)) select.append(new Option(label, value));
	if (!Object.hasOwn(kinds, mode)) select.append(new Option(mode, mode));
	select.value = mode;
	select.addEventListener('change', () => become(select.value as Kind));
	return select;
}

function button(label: string, action: () => void): HTMLButtonElement {
	const made = document.createElement('button');
	made.type = 'button';
	made.textContent = label;
	made.addEventListener('click', action);
	return made;
}

async function* widths(root: HTMLElement): AsyncGenerator<number> {
	let wake = () => undefined as void;
	let width = NaN;
	const observer = new ResizeObserver(() => wake());
	observer.observe(root);
	try {
		for (;;) {
			const now = Math.max(240, Math.round(root.clientWidth) - 56);
			if (now !== width) yield (width = now);
			else await new Promise<void>((resolve) => (wake = resolve));
		}
	} finally {
		observer.disconnect();
	}
}

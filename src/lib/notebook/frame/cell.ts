import { transpile, type Cell } from '@observablehq/notebook-kit';
import { Inspector } from '@observablehq/inspector';
import { RuntimeError, type Module, type Variable } from '@observablehq/runtime';
import type { Call } from '../protocol.ts';
import type { ModelName, RunName } from '../reference.ts';
import { MISSING, type CallOptions, type Connection } from './connection.ts';
import type { KeptInputs } from './inputs.ts';
import { Generators, Mutator } from './kit.ts';
import { renderMarkdown, renderTeX } from './markdown.ts';
import { meta, withImports, withNotebookImports, type Importer } from './imports.ts';

export type Status = 'new' | 'running' | 'done' | 'failed' | 'stopped';

/** Kinds of cell that run, as they are called. */
export const kinds = {
	js: 'JavaScript',
	ts: 'TypeScript',
	md: 'Markdown',
	html: 'HTML',
	tex: 'TeX',
	ojs: 'Observable JavaScript',
	dot: 'Graphviz'
} as const;
export type Kind = keyof typeof kinds;

/** Why other kinds do not run. */
const refused: Readonly<Record<string, string>> = {
	sql: 'SQL cells need DuckDB, 35 MB that do not come with the workbench; read the file with FileAttachment("data.csv").csv({typed: true}), and use d3 or Arquero (aq) in a JavaScript cell.'
};

/** What a cell runs with. */
export interface Surroundings {
	readonly module: Module;
	readonly connection: Connection;
	readonly load: Importer;
	/** What inputs stood at; none in a notebook that another one imports. */
	readonly kept?: KeptInputs;
	/** The address of a file beside the notebook; undefined when there is none. */
	readonly asset: (path: string) => Promise<string> | undefined;
}

const STOPPED = 'The cell was stopped.';

/** A cell that runs: its variables in the runtime and what it shows. */
export class RunningCell {
	status: Status = 'new';
	/** Names it defines. */
	names: readonly string[] = [];
	readonly output: HTMLElement;
	/** What it shows is from before, as a saved notebook has no answer now. */
	outdated = false;
	readonly #around: Surroundings;
	readonly #changed: () => void;
	#variables: Variable[] = [];
	/** Where line and column of the cell's text lie in what is evaluated. */
	#place = { file: '', line: 0 };
	#abort = new AbortController();
	/** Counts runs; one that is over shows nothing more. */
	#version = 0;
	/** Counts definitions and removals. */
	#definition = 0;
	/** What is shown is of the run before, and goes when this one shows something or ends. */
	#old = false;
	readonly #observed: boolean;

	/** @param changed undefined for a cell of an imported notebook: it runs when a name of it is asked for, and shows nothing */
	constructor(around: Surroundings, output: HTMLElement, changed?: () => void) {
		this.#around = around;
		this.output = output;
		this.#changed = changed ?? (() => undefined);
		this.#observed = changed !== undefined;
	}

	/** Defines the cell anew; the runtime then runs it and all that depends on it. */
	run(cell: Cell): void {
		this.remove();
		this.outdated = false;
		this.output.replaceChildren();
		if (cell.value.trim() === '') return this.#become('done');
		try {
			this.#define(cell);
		} catch (error) {
			this.#fail(error);
		}
	}

	/** Stops what the cell waits for, and with it the cells that wait for its names. What it shows stays. */
	stop(): void {
		if (this.status !== 'running') return;
		const { names } = this;
		this.remove();
		for (const name of names) {
			const variable = this.#around.module.variable(true);
			variable.define(name, [], () => {
				throw new Error(STOPPED);
			});
			this.#variables.push(variable);
		}
		this.names = names;
		this.#become('stopped');
	}

	remove(): void {
		this.#version++;
		this.#definition++;
		this.#abort.abort(new DOMException('The cell runs again.', 'AbortError'));
		for (const variable of this.#variables) variable.delete();
		this.#variables = [];
		this.names = [];
	}

	/** Text and TeX as they stand, nothing computed: how a notebook is read before it runs. */
	static(cell: Cell): void {
		if (cell.mode === 'md') this.output.replaceChildren(renderMarkdown(cell.value));
		else if (cell.mode === 'tex') this.output.replaceChildren(renderTeX(cell.value));
	}

	#define(cell: Cell): void {
		if (!Object.hasOwn(kinds, cell.mode))
			throw new SyntaxError(
				refused[cell.mode] ?? `Cells of the kind “${cell.mode}” are kept in the file, but do not run here.`
			);
		const compiled = transpile(withNotebookImports(cell));
		const { body, inputs = [], outputs = [], output, autodisplay = false } = compiled;
		const file = `cell-${cell.id}.js`;
		this.#place = {
			file: cell.mode === 'js' ? file : '',
			// Lines that are written before the text, less the empty ones at its beginning, which are left out.
			line:
				(body.split('\n')[1] === 'return (' ? 2 : 1) -
				(/^\s*\n/.exec(cell.value)?.[0].match(/\n/g)?.length ?? 0)
		};
		// In the global scope, and written so that no minifier makes it a direct call that sees the bundle's names.
		const made = globalThis.eval(
			`${withImports(`((__import, __meta) => (${body}\n))`)}\n//# sourceURL=${file}`
		) as (load: Importer, meta: object) => (...args: unknown[]) => unknown;
		const evaluated = made(this.#around.load, meta);
		const given = inputs.filter((name) => !runNames.has(name));
		const definition = ++this.#definition;
		// A variable that is deleted has its say once more.
		const current = () => definition === this.#definition;
		const observer = {
			// Where the runtime looks whether the cell is seen.
			_node: this.output,
			pending: () => current() && this.#become('running'),
			fulfilled: (value: unknown) => {
				if (!current()) return;
				if (autodisplay) this.#show([value]);
				else this.#clear();
				this.#become('done');
			},
			rejected: (error: unknown) => current() && this.#fail(error)
		};
		const own = (): Readonly<Record<string, unknown>> => this.#begin(cell);
		const untilAborted = (value: unknown) => this.#untilAborted(value);
		const run = function (this: unknown, ...values: unknown[]) {
			const mine = own();
			const byName = new Map(given.map((input, i) => [input, values[i]]));
			return untilAborted(
				evaluated.apply(
					this,
					inputs.map((input) => (byName.has(input) ? byName.get(input) : mine[input]))
				)
			);
		};
		const add = (
			name: string | null,
			from: readonly string[],
			value: unknown,
			seen: object | true = true
		) => {
			const variable = this.#around.module.variable(this.#observed ? seen : undefined);
			this.#variables.push(variable);
			return variable.define(name, from, value);
		};
		const hidden = `cell ${cell.id}`;
		if (compiled.automutable && output !== undefined) {
			const name = output.replace(/^mutable /, '');
			add(output, given, run);
			add(hidden, [output], Mutator);
			add(name, [hidden], ([mutable]: unknown[]) => mutable, observer);
			add(`mutable$${name}`, [hidden], ([, mutator]: unknown[]) => mutator);
			this.names = [name, `mutable$${name}`];
			return;
		}
		add(output ?? (outputs.length > 0 ? hidden : null), given, run, observer);
		if (compiled.autoview && output !== undefined) {
			const name = output.replace(/^viewof\$/, '');
			add(name, [output], (input: HTMLElement) => this.#values(cell, 0, input));
			// As other notebooks import it.
			add(`viewof ${name}`, [output], (input: HTMLElement) => input);
			this.names = [output, name];
			return;
		}
		if (output === undefined)
			for (const one of outputs)
				add(one, [hidden], (exports: Record<string, unknown>) => this.#untilAborted(exports[one]));
		this.names = output === undefined ? outputs : [output];
	}

	/** The values of an input, now and at every change; it begins where it stood when this notebook was last open. */
	#values(cell: Cell, place: number, input: HTMLElement): AsyncGenerator<unknown> {
		this.#around.kept?.restore(cell, place, input);
		return Generators.input(input) as AsyncGenerator<unknown>;
	}

	/** A promise that ends when the cell is stopped or runs again: the runtime computes nothing anew before the old promise is settled. */
	#untilAborted(value: unknown): unknown {
		if (!(value instanceof Promise)) return value;
		const { signal } = this.#abort;
		return new Promise((resolve, reject) => {
			const abort = () => reject(signal.reason as Error);
			if (signal.aborted) abort();
			signal.addEventListener('abort', abort, { once: true });
			value.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
		});
	}

	/** What one run gets: ways to show things, and the model's calls, which end when the cell runs again. */
	#begin(cell: Cell): Readonly<Record<RunName | 'model', unknown>> {
		this.#abort.abort(new DOMException('The cell runs again.', 'AbortError'));
		const abort = new AbortController();
		this.#abort = abort;
		const version = ++this.#version;
		this.#old = true;
		let inputs = 0;
		const bar = document.createElement('progress');
		const options: CallOptions = {
			signal: abort.signal,
			onProgress: (done, total) => {
				bar.max = total;
				bar.value = done;
				bar.setAttribute('aria-label', `${done} of ${total}`);
				if (!bar.isConnected && done < total) this.output.prepend(bar);
				if (done >= total) bar.remove();
			}
		};
		const call =
			(name: Call) =>
			async (...args: unknown[]) => {
				try {
					return await this.#around.connection.call(name, args, options);
				} finally {
					bar.remove();
				}
			};
		const display = (value: unknown) => {
			if (version !== this.#version) return value;
			this.#clear();
			this.output.append(this.#node(value));
			return value;
		};
		const model: Readonly<Record<ModelName, unknown>> = {
			ask: call('ask'),
			trace: call('trace'),
			figure: call('figure'),
			file: call('file')
		};
		return {
			display,
			view: (input: HTMLElement) => this.#values(cell, inputs++, display(input) as HTMLElement),
			progress: options.onProgress,
			model,
			locality: call('locality'),
			offsets: call('offsets'),
			compare: call('compare'),
			sweep: call('sweep'),
			scenes: call('scenes')
		};
	}

	/** Takes away what the run before has shown. */
	#clear(): void {
		if (this.#old) this.output.replaceChildren();
		this.#old = false;
	}

	#show(values: readonly unknown[]): void {
		this.#old = false;
		this.output.replaceChildren(...values.map((value) => this.#node(value)));
	}

	/** An element as it is, with the files it names; anything else as Observable shows it. */
	#node(value: unknown): Node {
		if (value instanceof Node && !value.isConnected) {
			if (value instanceof Element) this.#fetchAssets(value);
			return value;
		}
		const place = document.createElement('div');
		new Inspector(place).fulfilled(value);
		return place;
	}

	#fetchAssets(root: Element): void {
		for (const one of [root, ...root.querySelectorAll('img, audio, video, source')]) {
			const path = one.getAttribute('src');
			if (path === null || /^(\w+:|#)/.test(path)) continue;
			void this.#around.asset(decodeURI(path))?.then((href) => one.setAttribute('src', href));
		}
	}

	#fail(error: unknown): void {
		if (error instanceof DOMException && error.name === 'AbortError') return this.#become('stopped');
		if (error instanceof RuntimeError && error.message === STOPPED) return this.#become('stopped');
		if (error instanceof Error && error.message === MISSING) {
			this.outdated = true;
			return this.#become('done');
		}
		this.#old = false;
		const place = document.createElement('p');
		place.className = 'error';
		place.setAttribute('role', 'alert');
		place.textContent = `${sentence(error)}${this.#where(error)}`;
		this.output.replaceChildren(place);
		this.#become('failed');
	}

	/** Line and column in the cell's text, when the error was thrown there. */
	#where(error: unknown): string {
		const { file, line } = this.#place;
		if (file === '' || !(error instanceof Error) || error instanceof RuntimeError) return '';
		const match = new RegExp(`\\b${file}:(\\d+):(\\d+)`).exec(error.stack ?? '');
		return match ? ` (${Number(match[1]) - line}:${Number(match[2])})` : '';
	}

	#become(status: Status): void {
		this.status = status;
		this.#changed();
	}
}

/** The error in words; one of another cell with the name through which it came. */
function sentence(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	if (error instanceof RuntimeError) {
		const { input, message } = error;
		return input === undefined || message.startsWith(`${input} `) ? message : `${input}: ${message}`;
	}
	const named = error.name === 'Error' ? '' : `${error.name}: `;
	return `${named}${error.message}`;
}

/** Names that every run of a cell gets its own of. */
const runNames: ReadonlySet<string> = new Set<RunName | 'model'>([
	'display',
	'view',
	'progress',
	'model',
	'locality',
	'offsets',
	'compare',
	'sweep',
	'scenes'
]);

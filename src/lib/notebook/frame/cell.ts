import { transpile, type Cell } from '@observablehq/notebook-kit';
import { Inspector } from '@observablehq/inspector';
import { RuntimeError, type Module, type Variable } from '@observablehq/runtime';
import { calls } from '../protocol.ts';
import type { CallOptions, Connection } from './connection.ts';
import { renderMarkdown, renderTeX } from './markdown.ts';

export type Status = 'new' | 'running' | 'done' | 'failed' | 'stopped';

/** Names that every run of a cell gets its own of, so that what it started ends with it. */
const own = [
	'display',
	'view',
	'model',
	'progress',
	...calls.filter((name) => !['ask', 'trace', 'file'].includes(name))
];

/** Kinds of cell that run, as they are called. */
export const kinds = { js: 'JavaScript', ts: 'TypeScript', md: 'Markdown', tex: 'TeX' } as const;
export type Kind = keyof typeof kinds;

const STOPPED = 'The cell was stopped.';

/** A cell that runs: its variables in the runtime and what it shows. */
export class RunningCell {
	status: Status = 'new';
	/** Names it defines. */
	names: readonly string[] = [];
	readonly output: HTMLElement;
	readonly #module: Module;
	readonly #connection: Connection;
	readonly #changed: () => void;
	#variables: Variable[] = [];
	/** Where line and column of the cell's text lie in what is evaluated. */
	#place = { file: '', line: 0 };
	#abort = new AbortController();
	/** Counts runs; one that is over shows nothing more. */
	#version = 0;
	/** Counts definitions and removals. */
	#definition = 0;

	constructor(module: Module, connection: Connection, output: HTMLElement, changed: () => void) {
		this.#module = module;
		this.#connection = connection;
		this.output = output;
		this.#changed = changed;
	}

	/** Defines the cell anew; the runtime then runs it and all that depends on it. */
	run(cell: Cell): void {
		this.remove();
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
			const variable = this.#module.variable(true);
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
			throw new SyntaxError(`Cells of the kind “${cell.mode}” are kept in the file, but do not run here.`);
		const { body, inputs = [], outputs = [], output, autodisplay = false } = transpile(cell);
		const file = `cell-${cell.id}.js`;
		this.#place = {
			file: cell.mode === 'js' ? file : '',
			// Lines that are written before the text, less the empty ones at its beginning, which are left out.
			line:
				(body.split('\n')[1] === 'return (' ? 2 : 1) -
				(/^\s*\n/.exec(cell.value)?.[0].match(/\n/g)?.length ?? 0)
		};
		// In the global scope, and written so that no minifier makes it a direct call that sees the bundle's names.
		const evaluated = globalThis.eval(`(${body}\n//# sourceURL=${file}\n)`) as (
			...args: unknown[]
		) => unknown;
		const given = inputs.filter((name) => !own.includes(name));
		const definition = ++this.#definition;
		// A variable that is deleted has its say once more.
		const current = () => definition === this.#definition;
		const observer = {
			pending: () => current() && this.#become('running'),
			fulfilled: (value: unknown) => {
				if (!current()) return;
				if (autodisplay) this.#show([value]);
				this.#become('done');
			},
			rejected: (error: unknown) => current() && this.#fail(error)
		};
		const variable = this.#module.variable(observer);
		const name = output ?? (outputs.length > 0 ? `cell ${cell.id}` : null);
		variable.define(name, given, (...values: unknown[]) => {
			const mine = this.#begin(!autodisplay);
			const byName = new Map(given.map((input, i) => [input, values[i]]));
			return this.#untilAborted(
				evaluated(...inputs.map((input) => (byName.has(input) ? byName.get(input) : mine[input])))
			);
		});
		this.#variables.push(variable);
		if (output === undefined)
			for (const one of outputs) {
				const exported = this.#module.variable(true);
				exported.define(one, [name!], (exports: Record<string, unknown>) => this.#untilAborted(exports[one]));
				this.#variables.push(exported);
			}
		this.names = output === undefined ? outputs : [output];
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
	#begin(clear: boolean): Readonly<Record<string, unknown>> {
		this.#abort.abort(new DOMException('The cell runs again.', 'AbortError'));
		const abort = new AbortController();
		this.#abort = abort;
		const version = ++this.#version;
		if (clear) this.output.replaceChildren();
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
			(name: (typeof calls)[number]) =>
			async (...args: unknown[]) => {
				try {
					return await this.#connection.call(name, args, options);
				} finally {
					bar.remove();
				}
			};
		const display = (value: unknown) => {
			if (version === this.#version) this.output.append(node(value));
			return value;
		};
		return {
			display,
			view: (input: HTMLElement) => valuesOf(display(input) as HTMLElement),
			progress: options.onProgress,
			model: { ask: call('ask'), trace: call('trace'), file: call('file') },
			...Object.fromEntries(calls.map((name) => [name, call(name)]))
		};
	}

	#show(values: readonly unknown[]): void {
		this.output.replaceChildren(...values.map(node));
	}

	#fail(error: unknown): void {
		if (error instanceof DOMException && error.name === 'AbortError') return this.#become('stopped');
		if (error instanceof RuntimeError && error.message === STOPPED) return this.#become('stopped');
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

/** An element as it is, anything else as Observable shows it. */
function node(value: unknown): Node {
	if (value instanceof Node && !value.isConnected) return value;
	const place = document.createElement('div');
	new Inspector(place).fulfilled(value);
	return place;
}

/** The values of an input, now and at every change. */
async function* valuesOf(input: HTMLElement): AsyncGenerator<unknown> {
	const field = input as HTMLElement & {
		value?: unknown;
		type?: string;
		valueAsNumber?: number;
		checked?: boolean;
	};
	const read = () =>
		field.type === 'range' || field.type === 'number'
			? field.valueAsNumber
			: field.type === 'checkbox'
				? field.checked
				: field.value;
	let wake = () => undefined as void;
	let changed = read() !== undefined;
	const listen = () => {
		changed = true;
		wake();
	};
	input.addEventListener('input', listen);
	try {
		for (;;) {
			if (!changed) await new Promise<void>((resolve) => (wake = resolve));
			changed = false;
			yield read();
		}
	} finally {
		input.removeEventListener('input', listen);
	}
}

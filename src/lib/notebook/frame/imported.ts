/** Imports of another notebook of this browser: its cells run, unseen, as far as the names that are imported need them. */
import type { Module, Runtime } from '@observablehq/runtime';
import { readNotebook } from '../file.ts';
import { RunningCell, type Surroundings } from './cell.ts';
import { withCompiler, type Supplies } from './supplies.ts';

/** Name of the notebook that a specifier means, as Notebook Kit resolved it; undefined when it is no notebook. */
export function notebookOf(specifier: string): string | undefined {
	const name = /^https:\/\/api\.observablehq\.com\/(.+)\.js\?v=4$/.exec(specifier)?.[1] ?? specifier;
	if (name === specifier && !/^\.{0,2}\/.*\.html$/.test(specifier)) return undefined;
	return decodeURIComponent(name).replace(/^(\.{0,2}\/)+/, '');
}

/** What the runtime makes a module of, by the notebook's name. */
export class ImportedNotebooks {
	readonly #supplies: Supplies;
	readonly #around: Omit<Surroundings, 'module' | 'kept'>;
	/** The runtime makes one module of one definition. */
	readonly #known = new Map<string, Promise<object>>();

	constructor(supplies: Supplies, around: Omit<Surroundings, 'module' | 'kept'>) {
		this.#supplies = supplies;
		this.#around = around;
	}

	/** Throws (rejects) in a sentence when this browser has no such notebook. */
	get(name: string): Promise<object> {
		const known = this.#known.get(name) ?? this.#read(name);
		this.#known.set(name, known);
		return known;
	}

	async #read(name: string): Promise<object> {
		const { cells } = readNotebook(await this.#supplies.notebook(name));
		await withCompiler(this.#supplies, cells);
		return {
			default: (runtime: Runtime): Module => {
				const module = runtime.module();
				for (const cell of cells)
					if (cell.mode !== 'md' && cell.mode !== 'tex')
						new RunningCell({ ...this.#around, module }, document.createElement('div')).run(cell);
				return module;
			}
		};
	}
}

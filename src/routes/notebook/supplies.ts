import { libraryFile, onDemand, type OnDemand } from '$lib/notebook/libraries.ts';
import type { Supply } from '$lib/notebook/protocol.ts';
import { callKey } from '$lib/notebook/saved.ts';
import { InputError } from '$lib/tensor/errors.ts';
import { shipped } from './library.ts';
import { fileNameOf } from './names.ts';
import type { Notebooks } from './notebook.svelte.ts';

/** Hands to a notebook's frame what it has not in itself. Everything that comes in is from a frame that is not trusted, and checked. */
export class NotebookSupplies {
	readonly #notebooks: Pick<Notebooks, 'files' | 'kept'>;
	readonly #base: string;
	/** Libraries and notebooks that were handed over, by `callKey`: a saved page needs them, too. */
	readonly #given = new Map<string, string>();

	/** @param base the site's root, an absolute URL with a trailing slash */
	constructor(notebooks: Pick<Notebooks, 'files' | 'kept'>, base: string) {
		this.#notebooks = notebooks;
		this.#base = base;
	}

	/** @throws InputError in a sentence, for what is not here */
	async answer(name: Supply, args: readonly unknown[]): Promise<unknown> {
		const [wanted] = args;
		if (typeof wanted !== 'string') throw new InputError('A name is needed.');
		if (name === 'attachment') return this.#bytes(wanted);
		const text = await (name === 'library' ? this.#library(wanted) : this.#notebook(wanted));
		this.#given.set(callKey(name, args), text);
		return text;
	}

	/** What a page that is saved now needs of it, by `callKey`. */
	async saved(): Promise<ReadonlyMap<string, unknown>> {
		const all = new Map<string, unknown>(this.#given);
		for (const { name } of this.#notebooks.files)
			all.set(callKey('attachment', [name]), await this.#bytes(name));
		return all;
	}

	async #bytes(name: string): Promise<Uint8Array> {
		const file = this.#notebooks.files.find((one) => one.name === name);
		if (!file) throw new InputError(`There is no file “${name}” beside this notebook; add it.`);
		return new Uint8Array(await file.data.arrayBuffer());
	}

	#library(name: string): Promise<string> {
		if (!Object.hasOwn(onDemand, name)) throw new InputError(`The workbench does not come with ${name}.`);
		return this.#fetch(libraryFile(name as OnDemand));
	}

	async #notebook(name: string): Promise<string> {
		const plain = name.replace(/\.html$/, '');
		const means = (one: { readonly title: string }) => one.title === plain || fileNameOf(one.title) === plain;
		const known = this.#notebooks.kept.find((one) => one.id === plain || means(one));
		if (known) return known.text;
		const one = shipped.find((one) => one.name === plain || means(one));
		if (one) return this.#fetch(`notebooks/${one.name}.html`);
		throw new InputError(
			`There is no notebook “${plain}” in this browser; open its file here first. Notebooks of observablehq.com cannot be imported, since cells reach no network.`
		);
	}

	async #fetch(path: string): Promise<string> {
		const response = await fetch(`${this.#base}${path}`);
		if (!response.ok) throw new Error(`${path} could not be fetched; reload the page.`);
		return response.text();
	}
}

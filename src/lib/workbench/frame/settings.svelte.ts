/* eslint-disable svelte/prefer-svelte-reactivity -- maps are made anew at every change, never written to */
import { createContext, onDestroy, untrack } from 'svelte';
import type { Selection } from '../../viz/figure.ts';
import { selectionIndices } from '../../viz/interaction.ts';
import type { PageSelection } from '../figures/selection.svelte.ts';

/** One setting of a page, as a word of the address. */
export interface Setting {
	/** The word now; undefined: as the page has it when nothing is asked for. */
	read(): string | undefined;
	/** Takes a word of the address; undefined: as the page has it by itself. A word that means nothing here changes nothing. */
	write(word: string | undefined): void;
	/** Its changes are no steps to go back by: what is dragged or pointed at. */
	readonly passing?: boolean;
}

export type Settings = Readonly<Record<string, Setting>>;

/** Parameters that say nothing of the view. */
const silent = ['backend'];

/** What the parts of the open page keep in the address. */
export class PageSettings {
	/** Not state of Svelte's: what leaves with its component would be read as it was before the new page's came. */
	#known: ReadonlyMap<string, Setting> = new Map();
	/** Changes of `#known` so far. */
	#changes = 0;
	#seen = $state(0);
	/** What the address asked for is done, as far as it can be: image, model and the rest are those of the link. */
	ready = $state(false);
	readonly #address: () => URLSearchParams;

	/** @param address parameters of the page's address now */
	constructor(address: () => URLSearchParams) {
		this.#address = address;
	}

	/** The words of now by parameter; undefined where the parameter is not needed. */
	readonly words: ReadonlyMap<string, string | undefined> = $derived.by(() => {
		void this.#seen;
		return new Map([...this.#known].map(([name, setting]) => [name, setting.read()]));
	});

	isPassing(name: string): boolean {
		return this.#known.get(name)?.passing ?? false;
	}

	/** Takes settings in, as the address has them where it says anything at all. Returns what takes them out again. */
	add(settings: Settings): () => void {
		const entries = Object.entries(settings);
		const parameters = this.#address();
		if (speaks(parameters)) for (const [name, setting] of entries) setting.write(wordOf(parameters, name));
		this.#know([...this.#known, ...entries]);
		return () => this.#know([...this.#known].filter(([name, setting]) => settings[name] !== setting));
	}

	apply(parameters: URLSearchParams): void {
		for (const [name, setting] of this.#known) setting.write(wordOf(parameters, name));
	}

	#know(entries: Iterable<readonly [string, Setting]>): void {
		this.#known = new Map(entries);
		this.#seen = ++this.#changes;
	}
}

/** Whether an address asks for a view, or is a page's name alone. */
export function speaks(parameters: URLSearchParams): boolean {
	return [...parameters.keys()].some((name) => !silent.includes(name));
}

function wordOf(parameters: URLSearchParams, name: string): string | undefined {
	return parameters.get(name) ?? undefined;
}

const [getSettings, setPageSettings] = createContext<PageSettings>();
export { getSettings as getPageSettings, setPageSettings };

/** Keeps settings of a component in the address as long as it is on the page. Call it while the component is made. */
export function keepInAddress(settings: Settings): void {
	const page = getSettings();
	onDestroy(untrack(() => page.add(settings)));
}

/** One of some words. @param standard the one that needs no parameter */
export function oneWord<T extends string>(
	of: readonly T[],
	standard: T,
	read: () => T,
	write: (value: T) => void
): Setting {
	return {
		read: () => (read() === standard ? undefined : read()),
		write: (word) => {
			const value = word === undefined ? standard : of.find((one) => one === word);
			if (value !== undefined) write(value);
		}
	};
}

/** A whole number from 0, or one of some words in its place, e.g. `mean`. */
export function whole(
	standard: number,
	read: () => number,
	write: (value: number) => void,
	options?: { readonly passing?: boolean }
): Setting;
export function whole<T extends string>(
	standard: number | T,
	read: () => number | T,
	write: (value: number | T) => void,
	options: { readonly words: readonly T[]; readonly passing?: boolean }
): Setting;
export function whole<T extends string>(
	standard: number | T,
	read: () => number | T,
	write: (value: never) => void,
	{ words = [], passing = false }: { readonly words?: readonly T[]; readonly passing?: boolean } = {}
): Setting {
	const set = write as (value: number | T) => void;
	return {
		passing,
		read: () => (read() === standard ? undefined : `${read()}`),
		write: (word) => {
			if (word === undefined) return set(standard);
			const value = words.find((one) => one === word) ?? (/^\d{1,6}$/.test(word) ? Number(word) : undefined);
			if (value !== undefined) set(value);
		}
	};
}

export function yesOrNo(standard: boolean, read: () => boolean, write: (value: boolean) => void): Setting {
	const words = (value: boolean) => (value ? 'yes' : 'no');
	return oneWord(
		['yes', 'no'],
		words(standard),
		() => words(read()),
		(word) => write(word === 'yes')
	);
}

/** A share that is dragged, kept in whole percent. */
export function share(standard: number, read: () => number, write: (value: number) => void): Setting {
	return whole(
		Math.round(100 * standard),
		() => Math.round(100 * read()),
		(percent) => write(Math.min(100, percent) / 100),
		{ passing: true }
	);
}

/** Any words, or none. */
export function anyWords(
	read: () => string | undefined,
	write: (word: string | undefined) => void,
	passing = false
): Setting {
	return { read, write, passing };
}

/** What is chosen in the figures of a page: `token.5-layer.2`. */
export function selectionWord(selection: Selection): string | undefined {
	const parts = selectionIndices.flatMap((name) =>
		selection[name] === undefined ? [] : [`${name}.${selection[name]}`]
	);
	return parts.length > 0 ? parts.join('-') : undefined;
}

/** The other way; what is no index is left out. */
export function readSelection(word: string): Selection {
	return Object.fromEntries(
		word.split('-').flatMap((part) => {
			const [, name, index] = /^([a-z]+)\.(\d{1,6})$/.exec(part) ?? [];
			return selectionIndices.some((one) => one === name) ? [[name, Number(index)]] : [];
		})
	) as Selection;
}

export function selectionSetting(selection: PageSelection): Setting {
	return anyWords(
		() => selectionWord(selection.selected),
		(word) => {
			if (word === undefined) selection.clear();
			else if (word !== selectionWord(selection.selected)) {
				selection.clear();
				selection.choose(readSelection(word));
			}
		},
		true
	);
}

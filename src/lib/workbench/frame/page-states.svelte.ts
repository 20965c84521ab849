import { createContext, onMount, untrack } from 'svelte';
import type { Session } from '../session/session.ts';
import type { KeptResults } from '../figures/kept-results.ts';
import type { Memory } from '../session/storage.ts';

/** What a page's state may be made of. */
export interface Workbench {
	readonly session: Session;
	readonly memory: Memory;
	/** What long measurements gave before the page was loaded. */
	readonly results: KeptResults;
	/** The site's root, where `models/` and `scenes/` lie: an absolute URL with a trailing slash. */
	readonly base: string;
}

/** How one state is made, and what ends with it. */
interface Definition<T> {
	readonly make: (workbench: Workbench) => T;
	readonly dispose: ((state: T) => void) | undefined;
}

/**
 * What pages keep between visits, made once in the layout: each state at the first visit of a page that asks for it, so that
 * only that page loads its code. A state lives in an effect root of its own, because the deriveds and effects of a component
 * end with the component.
 */
export class PageStates {
	readonly #workbench: Workbench;
	/** States by their definitions. */
	// eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing on the page reads it
	readonly #made = new Map<object, unknown>();
	readonly #ends: (() => void)[] = [];

	constructor(workbench: Workbench) {
		this.#workbench = workbench;
	}

	get<T>(definition: Definition<T>): T {
		if (this.#made.has(definition)) return this.#made.get(definition) as T;
		const { make, dispose } = definition;
		let state!: T;
		const end = $effect.root(() => {
			state = untrack(() => make(this.#workbench));
		});
		this.#made.set(definition, state);
		this.#ends.push(() => {
			dispose?.(state);
			end();
		});
		return state;
	}

	dispose(): void {
		for (const end of this.#ends.splice(0)) end();
		this.#made.clear();
	}
}

const [getPageStates, setPageStates] = createContext<PageStates>();
export { setPageStates };

/**
 * A state that outlives the pages that show it.
 * @returns its getter, to be called while a component is made, as those of `createContext` are
 */
export function pageState<T>(make: (workbench: Workbench) => T, dispose?: (state: T) => void): () => T {
	const definition: Definition<T> = { make, dispose };
	return () => getPageStates().get(definition);
}

/** Whether the page of a kept state is looked at. What it computes by itself it computes only then. */
export class Visit {
	now = $state(false);

	/** From now on, until what it returns is called. */
	begin(): () => void {
		this.now = true;
		return () => (this.now = false);
	}
}

/** Counts the component that calls it, while it is made, as a visit, as long as it is there. */
export function visit({ visit }: { readonly visit: Visit }): void {
	onMount(() => visit.begin());
}

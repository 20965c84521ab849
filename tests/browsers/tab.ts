import { PageError, type Driver, type Element } from './driver.ts';

type Json =
	string | number | boolean | null | undefined | readonly Json[] | { readonly [name: string]: Json };

/** Elements of a page: a selector, and what their words (their label, where they have one) must match. */
export interface Place {
	readonly css: string;
	readonly words?: RegExp;
}

/** In the page, as text: the elements of a place that can be seen, or all that are there. */
const seek = `(css, words, seen) => [...document.querySelectorAll(css)].filter((element) => {
	if (seen && !element.checkVisibility({ visibilityProperty: true })) return false;
	const label = element.getAttribute('aria-label') ?? element.innerText ?? element.textContent;
	return words === null || new RegExp(words[0], words[1]).test(label.trim());
})`;

const parts = ({ css, words }: Place) => JSON.stringify([css, words ? [words.source, words.flags] : null]);

/** Milliseconds between two looks at a page. */
const PAUSE = 150;

/** The page of a browser, as a user has it: looked at, clicked, typed into. */
export class Tab {
	readonly driver: Driver;

	constructor(driver: Driver) {
		this.driver = driver;
	}

	/**
	 * What a function gives in the page, or in a frame of it. It must name nothing outside of itself, and what comes and goes is JSON.
	 * @param frame selector
	 */
	async run<Args extends readonly Json[], Result>(
		does: (...args: Args) => Result,
		args: Args,
		frame?: string
	): Promise<Awaited<Result>> {
		const declaration = `async (json) => JSON.stringify(await (${does.toString()})(...JSON.parse(json)))`;
		const json = await this.driver.call(declaration, JSON.stringify(args), frame);
		return (json === undefined ? undefined : JSON.parse(json)) as Awaited<Result>;
	}

	/** The words of every element of a place that can be seen, labels aside. */
	async read(place: Place, frame?: string): Promise<readonly string[]> {
		const declaration = `async (json) => JSON.stringify((${seek})(...JSON.parse(json), true).map((element) => (element.innerText ?? element.textContent).trim()))`;
		const json = await this.driver.call(declaration, parts(place), frame);
		return JSON.parse(json!) as string[];
	}

	/**
	 * Waits until a place has something to be seen.
	 * @returns its words
	 * @throws Error naming the place, with what the page says as an alert
	 */
	async see(
		place: Place,
		{ seconds = 60, frame }: { seconds?: number; frame?: string } = {}
	): Promise<string> {
		let found: readonly string[] = [];
		await this.until(
			`${place.css}${place.words ? ` with ${place.words}` : ''} is to be seen`,
			async () => (found = await this.read(place, frame)).length > 0,
			seconds
		);
		return found[0]!;
	}

	/**
	 * Waits until something holds.
	 * @throws Error with what was waited for and what the page says meanwhile
	 */
	async until(what: string, holds: () => Promise<boolean>, seconds = 60): Promise<void> {
		const end = Date.now() + seconds * 1000;
		for (;;) {
			let thrown = '';
			try {
				if (await holds()) return;
			} catch (error) {
				// A frame that is not there yet, a document that gives way to another.
				if (!(error instanceof PageError)) throw error;
				thrown = ` Last: ${error.message}.`;
			}
			if (Date.now() > end)
				throw new Error(await this.#inVain(`waited ${seconds} s until ${what}.${thrown}`));
			await new Promise((resolve) => setTimeout(resolve, PAUSE));
		}
	}

	/** Where the page is, what was waited for, and what the page itself says. */
	async #inVain(what: string): Promise<string> {
		const address = await this.run(() => `${location.pathname}${location.search}`, []);
		const alerts = await this.read({ css: '[role=alert], .alarm', words: /./ });
		const at = await this.read({ css: 'progress + p', words: /./ });
		const says = [...alerts, ...at].map((words) => words.replaceAll('\n', ' '));
		return `${this.driver.name}, ${address}: ${what}${says.length > 0 ? ` The page says: ${says.join(' | ')}` : ''}`;
	}

	/** Presses the first element of a place with the pointer, once it is there and can be used. */
	async click(place: Place, seconds = 60): Promise<void> {
		const element = await this.#usable(place, seconds);
		await this.driver.perform([
			{
				...{ type: 'pointer', id: 'mouse' },
				actions: [
					{ type: 'pointerMove', x: 0, y: 0, origin: element },
					{ type: 'pointerDown', button: 0 },
					{ type: 'pointerUp', button: 0 }
				]
			}
		]);
	}

	/** Types into what has the focus; `\uE007` is Enter. */
	async type(text: string): Promise<void> {
		const actions = [...text].flatMap((value) => [
			{ type: 'keyDown', value },
			{ type: 'keyUp', value }
		]);
		await this.driver.perform([{ type: 'key', id: 'keyboard', actions }]);
	}

	/** The first element of a place, in the middle of the window; it may be one that cannot be seen, such as a file input. */
	async element(place: Place): Promise<Element | undefined> {
		const declaration = `async (json) => {
	const element = (${seek})(...JSON.parse(json), false)[0];
	element?.scrollIntoView({ block: 'center', behavior: 'instant' });
	return element;
}`;
		return this.driver.find(declaration, parts(place));
	}

	async #usable(place: Place, seconds: number): Promise<Element> {
		const usable = `async (json) => {
	const element = (${seek})(...JSON.parse(json), true)[0];
	if (!element || element.matches(':disabled')) return undefined;
	element.scrollIntoView({ block: 'center', behavior: 'instant' });
	return element;
}`;
		let found: Element | undefined;
		await this.until(
			`${place.css}${place.words ? ` with ${place.words}` : ''} can be pressed`,
			async () => (found = await this.driver.find(usable, parts(place))) !== undefined,
			seconds
		);
		return found!;
	}
}

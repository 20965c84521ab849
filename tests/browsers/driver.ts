import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An element of the page, as the browser's protocol names it in what is sent back. */
export type Element = Readonly<Record<string, unknown>>;

/** A source of input of WebDriver's actions, which BiDi takes as well. */
export interface Source {
	readonly type: 'key' | 'pointer';
	readonly id: string;
	readonly actions: readonly Readonly<Record<string, unknown>>[];
}

/** A stock browser with one page, driven from outside: what its protocol must do for `Tab`. */
export interface Driver {
	/** The browser with its version. */
	readonly name: string;
	/** Where files lie that the page hands out. */
	readonly downloads: string;
	/** Goes to an address and waits until the document is loaded. */
	open(address: string): Promise<void>;
	/**
	 * Runs a function of the page and waits for what it promises.
	 * @param declaration its source, which names nothing outside of itself
	 * @param args JSON of the list of its arguments
	 * @param frame selector of the frame to run it in, the page itself when absent
	 * @returns JSON of what it gives
	 * @throws Error with the message of what it throws, and when there is no such frame
	 */
	call(declaration: string, args: string, frame?: string): Promise<string | undefined>;
	/** Likewise for a function of the page that gives an element. */
	find(declaration: string, args: string): Promise<Element | undefined>;
	/** Moves pointers and presses keys, `origin` being an element that was found. */
	perform(sources: readonly Source[]): Promise<void>;
	/** Puts files into a file input. */
	choose(input: Element, paths: readonly string[]): Promise<void>;
	/** What the page has logged as an error or thrown since it was asked for last. */
	errors(): Promise<readonly string[]>;
	close(): Promise<void>;
}

/** What a page throws is thrown here with its words. */
export class PageError extends Error {}

/** In the page: keeps what it logs as an error from the first call on; gives what there was since the last one. */
const listen = () => {
	const page = window as Window & { honeybeeErrors?: string[] };
	if (!page.honeybeeErrors) {
		const kept: string[] = (page.honeybeeErrors = []);
		const log = console.error.bind(console);
		console.error = (...words: unknown[]) => {
			kept.push(words.map(String).join(' '));
			log(...words);
		};
		addEventListener('error', ({ message }) => kept.push(message));
		addEventListener('unhandledrejection', ({ reason }) => kept.push(String(reason)));
	}
	return page.honeybeeErrors.splice(0);
};
/** Functions of the page, as text: one that begins to keep errors, and one that gives those kept since it was called last, as JSON. */
export const keepErrors = `() => void (${listen.toString()})()`;
export const takeErrors = `async () => JSON.stringify((${listen.toString()})())`;

/** A folder for a browser's profile, downloads and whatever else it writes. */
export function ownFolder(browser: string) {
	const path = mkdtempSync(join(tmpdir(), `honeybee-${browser}-`));
	return {
		path,
		remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
	};
}

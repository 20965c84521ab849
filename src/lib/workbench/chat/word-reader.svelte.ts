import { createContext } from 'svelte';
import type { Exchange } from './exchange.svelte.ts';

/** A page that shows something about one word of an answer. */
export interface WordReader {
	/** Of the exchange with this id, the word that is shown. */
	readonly lit: { readonly exchange: number; readonly word: number } | undefined;
	read(exchange: Exchange, word: number): void;
}

/** What the words of the chat's answers are chosen for. */
class WordReading {
	/** The open page, where it reads single words. */
	reader = $state.raw<WordReader | undefined>();
}

const [getWordReading, setWordReading] = createContext<WordReading>();
export { getWordReading };

/** For the layout, around chat and page. */
export function provideWordReading(): void {
	setWordReading(new WordReading());
}

/** Lets the reader choose words in the chat as long as the component that calls it is there. */
export function readWords(reader: WordReader): void {
	const reading = getWordReading();
	$effect(() => {
		reading.reader = reader;
		return () => (reading.reader = undefined);
	});
}

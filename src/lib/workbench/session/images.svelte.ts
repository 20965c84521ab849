import { sentence as sentenceOf } from '../../bytes/sentence.ts';
import type { SessionImage } from './images.ts';

export interface ImagesParts {
	readonly openImage: (file: Blob, name: string) => Promise<SessionImage>;
	readonly sampleScenes: () => Promise<readonly SessionImage[]>;
	/** The image that a word of an address means; undefined when it is not here. Rejects when the file in the word is damaged. */
	readonly linkedImage?: (word: string, known: readonly SessionImage[]) => Promise<SessionImage | undefined>;
	/** Word of the image that the page's address asks for. */
	readonly linkedWord?: string;
}

/** The images at hand and the one that is looked at. */
export class Images {
	/** Images put in, the newest first. */
	history = $state.raw<readonly SessionImage[]>([]);
	/** Scenes that come with the workbench; undefined until they have been made. */
	samples = $state.raw<readonly SessionImage[] | undefined>();
	samplesError = $state<string | undefined>();
	/** The one that is asked about. */
	current = $state.raw<SessionImage | undefined>();
	error = $state<string | undefined>();
	/** Of the views that the model has of an image, the one that figures are about; the whole picture when absent. */
	view = $state<number | undefined>();
	/** The image that a link asks for and that is not here, its word and a sentence: none is shown in its place. */
	missing = $state.raw<{ readonly word: string; readonly sentence: string } | undefined>();
	/** The samples are there, and the link's image where it can be had. */
	started = $state(false);

	readonly #parts: ImagesParts;
	#composed: SessionImage | undefined;
	/** Images that are shown elsewhere, too. */
	// eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing on the page reads it
	readonly #held = new Set<SessionImage>();

	constructor(parts: ImagesParts) {
		this.#parts = parts;
	}

	/** Makes the sample scenes, and shows the link's image or the first of them unless something was put in. */
	async start(): Promise<void> {
		try {
			this.samples = await this.#parts.sampleScenes();
		} catch (error) {
			this.samples = [];
			this.samplesError = sentenceOf(error);
		}
		const { linkedWord } = this.#parts;
		if (this.current === undefined && linkedWord !== undefined) await this.follow(linkedWord);
		else this.current ??= this.samples[0];
		this.started = true;
	}

	/** Shows the image that a word of an address means; one that is not here is `missing`. What is put in meanwhile stays. */
	async follow(word: string): Promise<void> {
		const before = this.current;
		let sentence = 'The picture of this link is not here. Put the same file in to see the same view.';
		try {
			const image = await this.#parts.linkedImage?.(word, this.all);
			if (this.current !== before) return;
			if (image) return this.put(image);
		} catch {
			sentence = 'The picture in this link is damaged. Put a picture in.';
		}
		if (this.current !== before) return;
		this.current = undefined;
		this.missing = { word, sentence };
	}

	/** Images put in, then the samples. */
	get all(): readonly SessionImage[] {
		return [...this.history, ...(this.samples ?? [])];
	}

	/** Puts in the files given by drop, paste or picker; the last good one becomes the image. Returns the good ones. */
	async putFiles(files: readonly File[]): Promise<readonly SessionImage[]> {
		this.error = undefined;
		const put: SessionImage[] = [];
		for (const file of files) {
			try {
				this.put(await this.#parts.openImage(file, file.name));
				if (this.current) put.push(this.current);
			} catch (error) {
				this.error = sentenceOf(error);
			}
		}
		return put;
	}

	/** Makes `image` the one that is asked about and keeps it in the history. */
	put(image: SessionImage): void {
		this.error = this.missing = undefined;
		const known = this.history.find(({ id }) => id === image.id);
		if (this.samples?.includes(image) || known === image) {
			this.current = image;
			return;
		}
		if (known !== undefined) URL.revokeObjectURL(image.url);
		else this.history = [image, ...this.history];
		this.current = known ?? image;
	}

	/**
	 * Makes the scene being composed the image; in the history it takes the place of how it was before.
	 * @returns the image, or the same one that was known
	 */
	putComposed(image: SessionImage): SessionImage {
		this.error = this.missing = undefined;
		const known = this.all.find(({ id }) => id === image.id);
		if (known !== undefined) {
			if (known !== image) URL.revokeObjectURL(image.url);
			this.current = known;
			return known;
		}
		const before = this.#composed;
		this.history = [image, ...this.history.filter((other) => other !== before)];
		if (before !== undefined && !this.#held.has(before)) URL.revokeObjectURL(before.url);
		this.#composed = image;
		this.current = image;
		return image;
	}

	/** Keeps `image` as long as it is shown elsewhere, after it has left the history. */
	hold(image: SessionImage): void {
		this.#held.add(image);
	}

	/** `image` is shown here only. */
	release(image: SessionImage): void {
		if (this.#held.delete(image) && !this.all.includes(image)) URL.revokeObjectURL(image.url);
	}

	dispose(): void {
		for (const image of [...this.all, ...this.#held]) URL.revokeObjectURL(image.url);
	}
}

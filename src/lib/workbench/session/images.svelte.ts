import { sentence } from '../../bytes/sentence.ts';
import type { SessionImage } from './images.ts';

export interface ImagesParts {
	readonly openImage: (file: Blob, name: string) => Promise<SessionImage>;
	readonly sampleScenes: () => Promise<readonly SessionImage[]>;
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

	readonly #parts: ImagesParts;
	#composed: SessionImage | undefined;
	/** Images that are shown elsewhere, too. */
	// eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing on the page reads it
	readonly #held = new Set<SessionImage>();

	constructor(parts: ImagesParts) {
		this.#parts = parts;
	}

	/** Makes the sample scenes, and shows the first unless something was put in. */
	async start(): Promise<void> {
		try {
			this.samples = await this.#parts.sampleScenes();
		} catch (error) {
			this.samples = [];
			this.samplesError = sentence(error);
		}
		this.current ??= this.samples[0];
	}

	/** Images put in, then the samples. */
	get all(): readonly SessionImage[] {
		return [...this.history, ...(this.samples ?? [])];
	}

	/** Puts in the files given by drop, paste or picker; the last good one becomes the image. */
	async putFiles(files: readonly File[]): Promise<void> {
		this.error = undefined;
		for (const file of files) {
			try {
				this.put(await this.#parts.openImage(file, file.name));
			} catch (error) {
				this.error = sentence(error);
			}
		}
	}

	/** Makes `image` the one that is asked about and keeps it in the history. */
	put(image: SessionImage): void {
		this.error = undefined;
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
		this.error = undefined;
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

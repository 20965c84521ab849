import { sha256 } from '../../bytes/hash.ts';
import { sentence } from '../../bytes/sentence.ts';
import type { Records } from '../../browser/records.ts';
import { readRule, ruleName, ruleWord, type SceneRule } from '../../scenes/rule.ts';
import { namesTogether, type ImageSet } from '../../study/image-set.ts';
import type { ImagesParts, Images } from './images.svelte.ts';
import type { SessionImage } from './images.ts';

/** A set that was made by hand, as it is kept in this browser. */
export interface SetRecord {
	readonly word: string;
	readonly name: string;
	readonly files: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
}

export interface ImageSetsParts extends Pick<ImagesParts, 'openImage'> {
	readonly images: Images;
	/** The scenes of a rule, rendered. */
	readonly ruledScenes?: (rule: SceneRule) => Promise<readonly SessionImage[]>;
	/** Where sets outlive the page; without it, they do not. */
	readonly keptSets?: Records<SetRecord> | undefined;
}

/** A set with the word by which an address names it. */
export interface NamedSet extends ImageSet<SessionImage> {
	readonly word: string;
}

/** The sets of images that figures over several images are taken over, and the one chosen: one choice for all pages. */
export class ImageSets {
	/** Word of the chosen set: `this`, `samples`, a rule of scenes, or the hash of a set made by hand. */
	word = $state('samples');
	/** Sets made by hand or by a rule, the newest first. */
	own = $state.raw<readonly NamedSet[]>([]);
	/** A set is being made. */
	busy = $state(false);
	/** What was left out of the newest set, or why there is none, a sentence. */
	error = $state<string | undefined>();
	/** What was made last without being asked for on its page, e.g. by a drop, a sentence. */
	said = $state<string | undefined>();
	readonly #parts: ImageSetsParts;

	constructor(parts: ImageSetsParts) {
		this.#parts = parts;
	}

	/** All there are, the picture at hand first. */
	readonly all: readonly NamedSet[] = $derived.by(() => {
		const { current, samples = [] } = this.#parts.images;
		return [
			...(current ? [{ word: 'this', name: current.name, images: [current] }] : []),
			...(samples.length > 0 ? [{ word: 'samples', name: 'Sample scenes', images: samples }] : []),
			...this.own
		];
	});

	/** The chosen set; undefined when it is not here (`missing`) or the samples are not there yet. */
	readonly chosen: NamedSet | undefined = $derived.by(() => this.all.find(({ word }) => word === this.word));

	/** An address asks for a set that is not in this browser. */
	readonly missing: boolean = $derived.by(
		() => !['this', 'samples'].includes(this.word) && !this.busy && this.chosen === undefined
	);

	/** Brings back what was made before the page was loaded. */
	async start(): Promise<void> {
		try {
			for (const { word, name, files } of (await this.#parts.keptSets?.all()) ?? []) {
				const images = await this.#open(
					files.map((file) => ({ name: file.name, blob: new Blob([file.bytes]) }))
				);
				this.#add({ word, name, images });
			}
		} catch (error) {
			this.error = sentence(error);
		}
	}

	/** Chooses a set by its word; scenes of a rule are made. */
	async choose(word: string): Promise<void> {
		this.word = word;
		const rule = readRule(word);
		if (rule && this.chosen === undefined) await this.addScenes(rule);
	}

	/** Makes a set of files and chooses it. What cannot be read is left out and said. */
	async addFiles(files: readonly File[], name?: string): Promise<NamedSet | undefined> {
		return this.#make(async () => {
			const images = await this.#open(files.map((file) => ({ name: file.name, blob: file })));
			return this.addImages(images, name);
		});
	}

	/** Makes a set of images at hand and chooses it. */
	async addImages(images: readonly SessionImage[], name?: string): Promise<NamedSet | undefined> {
		// eslint-disable-next-line svelte/prefer-svelte-reactivity -- gone when this function ends
		const different = [...new Map(images.map((image) => [image.id, image])).values()];
		if (different.length === 0) return undefined;
		const hash = await sha256(new TextEncoder().encode(different.map(({ id }) => id).join()));
		const word = `set.${hash.slice(0, 16)}`;
		const set = {
			word,
			name: name ?? namesTogether(different.map((image) => image.name)),
			images: different
		};
		this.#add(set);
		this.word = word;
		const files = different.map(({ name, bytes }) => ({ name, bytes }));
		await this.#parts.keptSets?.put({ word, name: set.name, files }).catch((error: unknown) => {
			this.error = `The set ${set.name} will not outlive this page: ${sentence(error)}`;
		});
		return set;
	}

	/** Renders the scenes of a rule and chooses them. */
	async addScenes(rule: SceneRule): Promise<NamedSet | undefined> {
		return this.#make(async () => {
			const images = (await this.#parts.ruledScenes?.(rule)) ?? [];
			if (images.length === 0) return undefined;
			const set = { word: ruleWord(rule), name: ruleName(rule), images };
			this.#add(set);
			this.word = set.word;
			return set;
		});
	}

	/** Forgets a set made by hand or by a rule. */
	async remove(word: string): Promise<void> {
		this.own = this.own.filter((set) => set.word !== word);
		if (this.word === word) this.word = 'samples';
		await this.#parts.keptSets?.remove([word]).catch(() => undefined);
	}

	#add(set: NamedSet): void {
		this.own = [set, ...this.own.filter(({ word }) => word !== set.word)];
	}

	async #make(work: () => Promise<NamedSet | undefined>): Promise<NamedSet | undefined> {
		this.busy = true;
		this.error = this.said = undefined;
		try {
			return await work();
		} catch (error) {
			this.error = sentence(error);
			return undefined;
		} finally {
			this.busy = false;
		}
	}

	async #open(files: readonly { readonly name: string; readonly blob: Blob }[]): Promise<SessionImage[]> {
		const images: SessionImage[] = [];
		const refused: string[] = [];
		for (const { name, blob } of files)
			try {
				images.push(await this.#parts.openImage(blob, name));
			} catch (error) {
				refused.push(sentence(error));
			}
		if (refused.length > 0)
			this.error = `${refused.length} of ${files.length} files are left out. ${refused.slice(0, 3).join(' ')}${refused.length > 3 ? ' …' : ''}`;
		return images;
	}
}

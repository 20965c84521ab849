import { sha256 } from '$lib/bytes/hash.ts';
import { Asking } from '$lib/scenes/asking.ts';
import { compose, type Composition, sceneWord } from '$lib/scenes/composition.ts';
import type { Scene } from '$lib/scenes/index.ts';
import { composedName, sceneFile } from '$lib/study/scene-image.ts';
import type { Images } from '$lib/workbench/session/images.svelte.ts';
import type { openImage, SessionImage } from '$lib/workbench/session/images.ts';
import type { SceneEditor } from './editor.svelte.ts';

/** Milliseconds between two images of one drag. */
const pace = 300;

/**
 * The scene of the page and the picture at hand. They are one where the picture is a scene of the workbench: the page begins with it, and
 * the picture follows every change. Any other picture is left alone until the reader makes the scene the picture.
 */
export class ScenePicture {
	/** The picture at hand is the scene. */
	joined = $state(false);
	readonly #editor: SceneEditor;
	readonly #images: Images;
	readonly #open: typeof openImage;
	readonly #asking: Asking;
	readonly #begun: Composition;
	/** An address has asked for the scene of now. */
	#asked = false;
	/** The picture that was dealt with last. */
	#seen: SessionImage | undefined;
	#waiting: Scene | undefined;
	/** Set while a change waits for its turn. */
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(editor: SceneEditor, images: Images, open: typeof openImage) {
		this.#editor = editor;
		this.#images = images;
		this.#open = open;
		this.#begun = editor.scene;
		this.#asking = new Asking(editor.index);
	}

	/** The picture at hand is the scene as the workbench has it, so that the picture's name alone says what the scene is. */
	get isSample(): boolean {
		const { current, samples } = this.#images;
		return (
			current?.scene !== undefined &&
			(samples?.includes(current) ?? false) &&
			sceneWord(compose(current.scene)) === sceneWord(this.#editor.scene)
		);
	}

	/** Takes the scene that an address asks for, or none of its own; what picture there is, the address says by itself. */
	ask(scene: Composition | undefined): void {
		this.#asked = scene !== undefined;
		if (this.joined && scene === undefined) return;
		this.joined = false;
		this.#show(scene ?? this.#begun);
	}

	/** What an address must say of the scene; nothing where it is the one to begin with, or that of the sample in the same address. */
	get word(): string | undefined {
		const word = sceneWord(this.#editor.scene);
		return this.isSample || (!this.joined && word === sceneWord(this.#begun)) ? undefined : word;
	}

	/** Has to do with `picture`, the one at hand once the address is followed. Called with every change of it. */
	async meet(picture: SessionImage): Promise<void> {
		if (picture === this.#seen && !this.#asked) return;
		const asked = this.#asked;
		this.#seen = picture;
		this.#asked = false;
		this.joined = false;
		const { scene } = picture;
		if (scene && !asked) {
			this.#show(compose(scene));
			this.joined = true;
			return;
		}
		const id = await sha256(sceneFile(this.#editor.scene, this.#editor.atlas));
		if (this.#seen === picture) this.joined = picture.id === id;
	}

	/** The picture of the address is not here: the scene of the same address takes its place where it is the same. */
	async replace(word: string): Promise<void> {
		const id = await sha256(sceneFile(this.#editor.scene, this.#editor.atlas));
		if (id.startsWith(word)) this.join();
	}

	/** Makes the scene the picture, now and with every change. */
	join(): void {
		this.joined = true;
		this.follow();
	}

	/** Takes a changed scene into the picture, at most every `pace` milliseconds and always the last one. */
	follow(): void {
		const { scene } = this.#editor;
		if (!this.joined) return;
		this.#waiting = scene;
		if (this.#timer === undefined) this.#timer = setTimeout(() => void this.#put(), pace);
	}

	#show(scene: Composition): void {
		if (sceneWord(scene) !== sceneWord(this.#editor.scene))
			this.#editor.show(scene, scene.objects.at(-1)?.id);
	}

	async #put(): Promise<void> {
		const scene = this.#waiting;
		this.#waiting = undefined;
		this.#timer = undefined;
		if (scene === undefined) return;
		const questions = this.#asking.suggestions(scene).slice(0, 4);
		const file = new Blob([sceneFile(scene, this.#editor.atlas)]);
		const image = await this.#open(
			file,
			composedName,
			questions.map(({ text }) => text)
		);
		// The reader may have taken another picture meanwhile.
		if (this.joined) this.#seen = this.#images.putComposed({ ...image, scene });
		else URL.revokeObjectURL(image.url);
	}
}

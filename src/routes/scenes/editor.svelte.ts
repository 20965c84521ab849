import { type Atlas, type AtlasIndex, generateScene, seedLimit } from '$lib/scenes/index.ts';
import {
	add,
	compose,
	type Composition,
	type Corner,
	describeSprite,
	freePlace,
	hit,
	moveTo,
	pullCorner,
	remove,
	reorder,
	resize,
	type Sprite,
	spriteOf
} from '$lib/scenes/composition.ts';
import { abandon, begin, edit, type History, redo, undo } from './history.ts';

export const styleNames = ['Noto', 'Twemoji', 'Fluent'] as const;

/** Side of a sprite that is put in: a size of training. */
const newSize = 28;

/** The scene being composed and everything that can be done to it; undoable. `said` tells a screen reader what was done. */
export class SceneEditor {
	readonly atlas: Atlas;
	#history = $state.raw<History<Composition>>() as History<Composition>;
	/** Id of the chosen sprite. */
	selected = $state<number | undefined>();
	said = $state('');
	#gestures = 0;

	constructor(atlas: Atlas, scene: Composition) {
		this.atlas = atlas;
		this.#history = begin(scene);
		this.selected = scene.objects.at(-1)?.id;
	}

	get index(): AtlasIndex {
		return this.atlas.index;
	}

	get scene(): Composition {
		return this.#history.present;
	}

	get sprite(): Sprite | undefined {
		return spriteOf(this.scene, this.selected);
	}

	get canUndo(): boolean {
		return this.#history.past.length > 0;
	}

	get canRedo(): boolean {
		return this.#history.future.length > 0;
	}

	className(cls: number): string {
		return this.index.classes[cls]?.name ?? '';
	}

	describe(sprite: Sprite): string {
		return describeSprite(sprite, this.className(sprite.cls), styleNames[sprite.style] ?? '');
	}

	/** A name for a row of edits that are undone together. */
	gesture(): string {
		return `gesture ${++this.#gestures}`;
	}

	select(id: number | undefined): void {
		this.selected = id;
	}

	at(x: number, y: number): Sprite | undefined {
		return hit(this.scene, x, y, this.atlas);
	}

	/** Puts in a sprite, centred at a pixel or where there is room; it becomes the chosen one. */
	add(
		cls: number,
		style: number,
		centre?: { readonly x: number; readonly y: number },
		gesture?: string
	): void {
		const place =
			centre === undefined
				? freePlace(this.scene, newSize)
				: { x: centre.x - newSize / 2, y: centre.y - newSize / 2 };
		const { added, ...scene } = add(this.scene, { cls, style, size: newSize, ...place });
		this.#set(scene, gesture);
		this.selected = added;
		this.#say('added');
	}

	move(id: number, x: number, y: number, gesture?: string): void {
		this.#set(moveTo(this.scene, id, x, y), gesture);
	}

	/** The chosen sprite by whole pixels, as arrow keys do; presses in a row are undone together. */
	nudge(dx: number, dy: number): void {
		const sprite = this.sprite;
		if (sprite === undefined) return;
		this.#set(moveTo(this.scene, sprite.id, sprite.x + dx, sprite.y + dy), `nudge ${sprite.id}`);
		this.#say('moved');
	}

	grow(by: number): void {
		const sprite = this.sprite;
		if (sprite === undefined) return;
		this.#set(resize(this.scene, sprite.id, sprite.size + by), `grow ${sprite.id}`);
		this.#say('resized');
	}

	pull(from: Sprite, corner: Corner, x: number, y: number, gesture: string): void {
		this.#set(pullCorner(this.scene, from, corner, x, y), gesture);
	}

	/** Another scene in place of this one, e.g. that of a sweep's step. */
	show(scene: Composition, selected: number | undefined): void {
		this.#set(scene, 'show');
		this.selected = selected;
	}

	delete(id = this.selected): void {
		const sprite = spriteOf(this.scene, id);
		if (sprite === undefined) return;
		this.#say('deleted');
		const at = this.scene.objects.indexOf(sprite);
		this.#set(remove(this.scene, sprite.id));
		const { objects } = this.scene;
		this.selected = objects[Math.min(at, objects.length - 1)]?.id;
	}

	duplicate(): void {
		const sprite = this.sprite;
		if (sprite === undefined) return;
		const { added, ...scene } = add(this.scene, { ...sprite, ...freePlace(this.scene, sprite.size) });
		this.#set(scene);
		this.selected = added;
		this.#say('added');
	}

	reorder(by: number): void {
		const sprite = this.sprite;
		if (sprite === undefined) return;
		this.#set(reorder(this.scene, sprite.id, by));
		const at = this.scene.objects.findIndex(({ id }) => id === sprite.id);
		this.said = `${this.className(sprite.cls)}: ${at + 1} of ${this.scene.objects.length} from the back.`;
	}

	restyle(style: number): void {
		const sprite = this.sprite;
		if (sprite === undefined || sprite.style === style) return;
		const objects = this.scene.objects.map((o) => (o === sprite ? { ...o, style } : o));
		this.#set({ ...this.scene, objects });
	}

	setBackground(background: number): void {
		if (background !== this.scene.background) this.#set({ ...this.scene, background }, 'background');
	}

	/** A scene of the held-out split. @param seed a number from 0 to 2²⁸ − 1 */
	generate(seed: number): void {
		const scene = compose(generateScene(Math.min(seedLimit - 1, Math.max(0, Math.floor(seed))), 'test'));
		this.#set(scene);
		this.selected = scene.objects.at(-1)?.id;
		this.said = `Scene ${scene.seed}, ${scene.objects.length} objects.`;
	}

	clear(): void {
		this.#set({ ...this.scene, objects: [] });
		this.selected = undefined;
	}

	undo(): void {
		this.#history = undo(this.#history);
		this.#keepSelection();
		this.said = 'Undone.';
	}

	redo(): void {
		this.#history = redo(this.#history);
		this.#keepSelection();
		this.said = 'Done again.';
	}

	abandon(gesture: string): void {
		this.#history = abandon(this.#history, gesture);
		this.#keepSelection();
	}

	/** Says what a gesture came to, when it ends. */
	settle(): void {
		this.#say('moved');
	}

	#set(scene: Composition, gesture?: string): void {
		this.#history = edit(this.#history, scene, gesture);
	}

	#keepSelection(): void {
		if (this.sprite === undefined) this.selected = this.scene.objects.at(-1)?.id;
	}

	#say(what: string): void {
		const sprite = this.sprite;
		if (sprite !== undefined) this.said = `${what}: ${this.describe(sprite)}`;
	}
}

import {
	type Atlas,
	backgrounds,
	cellNames,
	cellOf,
	centre2,
	imageSize,
	type Scene,
	type SceneObject,
	splits
} from './index.ts';

/** An object of the scene with a name of its own, kept through every edit. */
export interface Sprite extends SceneObject {
	readonly id: number;
}

/** A scene that is edited; later objects lie over earlier ones. It is a `Scene`, so it is rendered and asked as in training. */
export interface Composition extends Scene {
	readonly objects: readonly Sprite[];
}

/** Sides that the composer allows, pixels. */
export const sizeRange = { min: 8, max: 64 } as const;

const [smallLow, smallHigh] = splits.train.small;
const [largeLow, largeHigh] = splits.train.large;

/** Where "small" ends: the middle between the sizes of training. */
const largeFrom = Math.ceil((smallHigh + largeLow) / 2);

export function isLarge(size: number): boolean {
	return size >= largeFrom;
}

export function isTrainedSize(size: number): boolean {
	return (size >= smallLow && size <= smallHigh) || (size >= largeLow && size <= largeHigh);
}

export function isTrainedStyle(style: number): boolean {
	return splits.train.styles.includes(style);
}

export function compose(scene: Scene): Composition {
	return { ...scene, objects: scene.objects.map((object, id) => ({ ...object, id })) };
}

/** Whole pixels, and wholly inside the image: the renderer knows no cut sprites, since training has none. */
function place(value: number, size: number): number {
	return Math.min(imageSize - size, Math.max(0, Math.round(value)));
}

function within(sprite: Sprite): Sprite {
	const size = Math.min(sizeRange.max, Math.max(sizeRange.min, Math.round(sprite.size)));
	return { ...sprite, size, large: isLarge(size), x: place(sprite.x, size), y: place(sprite.y, size) };
}

/** A scene in an address: background, then class, style, size, x and y of every sprite, e.g. `2_4.0.24.10.60`. */
export function sceneWord({ background, objects }: Composition): string {
	return [
		background,
		...objects.map(({ cls, style, size, x, y }) => [cls, style, size, x, y].join('.'))
	].join('_');
}

/** The other way; undefined when it is no scene of these sprites. @param classes, styles how many the atlas has */
export function readScene(word: string, classes: number, styles: number): Composition | undefined {
	const [background, ...objects] = word
		.split('_')
		.map((part) => part.split('.').map((digits) => (/^\d{1,4}$/.test(digits) ? Number(digits) : NaN)));
	const index = (value: number | undefined, count: number): value is number =>
		value !== undefined && Number.isInteger(value) && value >= 0 && value < count;
	if (background?.length !== 1 || !index(background[0], backgrounds.length)) return undefined;
	const sprites = objects.map(([cls, style, size, x, y], id) =>
		index(cls, classes) && index(style, styles) && index(size, 1000) && index(x, 1000) && index(y, 1000)
			? within({ id, cls, style, size, x, y, large: isLarge(size) })
			: undefined
	);
	if (!sprites.every((sprite) => sprite !== undefined)) return undefined;
	return { split: 'test', seed: 0, background: background[0], objects: sprites };
}

export function spriteOf(scene: Composition, id: number | undefined): Sprite | undefined {
	return scene.objects.find((sprite) => sprite.id === id);
}

function change(scene: Composition, id: number, to: (sprite: Sprite) => Sprite): Composition {
	const before = spriteOf(scene, id);
	if (before === undefined) return scene;
	const after = within(to(before));
	if (after.x === before.x && after.y === before.y && after.size === before.size) return scene;
	return { ...scene, objects: scene.objects.map((sprite) => (sprite === before ? after : sprite)) };
}

/** Puts the sprite's upper left corner at (x, y), or as near as the image allows. */
export function moveTo(scene: Composition, id: number, x: number, y: number): Composition {
	return change(scene, id, (sprite) => ({ ...sprite, x, y }));
}

/** A new side, around the sprite's middle. */
export function resize(scene: Composition, id: number, size: number): Composition {
	return change(scene, id, (sprite) => {
		const side = Math.min(sizeRange.max, Math.max(sizeRange.min, Math.round(size)));
		const inset = Math.floor((sprite.size - side) / 2);
		return { ...sprite, size: side, x: sprite.x + inset, y: sprite.y + inset };
	});
}

export type Corner = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';

/** Draws one corner of `from` to (x, y); the opposite corner stays, and the sprite square. */
export function pullCorner(
	scene: Composition,
	from: Sprite,
	corner: Corner,
	x: number,
	y: number
): Composition {
	const left = corner.endsWith('left');
	const top = corner.startsWith('top');
	const right = from.x + from.size;
	const bottom = from.y + from.size;
	const room = Math.min(left ? right : imageSize - from.x, top ? bottom : imageSize - from.y, sizeRange.max);
	const wanted = Math.max(left ? right - x : x - from.x, top ? bottom - y : y - from.y);
	const size = Math.round(Math.min(room, Math.max(sizeRange.min, wanted)));
	return change(scene, from.id, (sprite) => ({
		...sprite,
		size,
		x: left ? right - size : from.x,
		y: top ? bottom - size : from.y
	}));
}

export function add(
	scene: Composition,
	sprite: Omit<Sprite, 'id' | 'large'>
): Composition & { readonly added: number } {
	const added = 1 + Math.max(-1, ...scene.objects.map(({ id }) => id));
	return { ...scene, objects: [...scene.objects, within({ ...sprite, id: added, large: false })], added };
}

export function remove(scene: Composition, id: number): Composition {
	return { ...scene, objects: scene.objects.filter((sprite) => sprite.id !== id) };
}

/** Moves the sprite `by` places in the order of painting; the last one lies on top. */
export function reorder(scene: Composition, id: number, by: number): Composition {
	const from = scene.objects.findIndex((sprite) => sprite.id === id);
	const sprite = scene.objects[from];
	if (sprite === undefined) return scene;
	const to = Math.min(scene.objects.length - 1, Math.max(0, from + by));
	if (to === from) return scene;
	const objects = scene.objects.filter((other) => other !== sprite);
	objects.splice(to, 0, sprite);
	return { ...scene, objects };
}

export function overlap(a: SceneObject, b: SceneObject): boolean {
	return a.x < b.x + b.size && b.x < a.x + a.size && a.y < b.y + b.size && b.y < a.y + a.size;
}

/** The place of this size that is free and nearest to the middle, row by row; the middle when none is free. */
export function freePlace(scene: Composition, size: number): { readonly x: number; readonly y: number } {
	const last = imageSize - size;
	const middle = Math.floor(last / 2);
	let best = { x: middle, y: middle };
	let nearest = Infinity;
	for (let y = 0; y <= last; y++)
		for (let x = 0; x <= last; x++) {
			const distance = (x - middle) ** 2 + (y - middle) ** 2;
			if (distance >= nearest) continue;
			const here = { cls: 0, style: 0, large: false, size, x, y };
			if (scene.objects.some((other) => overlap(here, other))) continue;
			best = { x, y };
			nearest = distance;
		}
	return best;
}

/**
 * The sprite under a pixel: the topmost that is opaque there, else the topmost whose square it lies in.
 * @param atlas decides what is opaque; without it squares alone count
 */
export function hit(scene: Composition, x: number, y: number, atlas?: Atlas): Sprite | undefined {
	const [column, row] = [Math.floor(x), Math.floor(y)];
	const under = scene.objects.filter(
		(o) => column >= o.x && row >= o.y && column < o.x + o.size && row < o.y + o.size
	);
	const opaque = under.findLast((o) => {
		const alpha = atlas?.sprite(o.cls, o.style, o.size)[3][(row - o.y) * o.size + column - o.x];
		return (alpha ?? 255) > 0;
	});
	return opaque ?? under.at(-1);
}

/** What of the scene training never shows, a phrase each. */
export function beyondTraining(scene: Composition, styleNames: readonly string[]): string[] {
	const { objects } = scene;
	const notes: string[] = [];
	if (objects.length === 0) notes.push('no object');
	if (objects.length > 6) notes.push(`${objects.length} objects (at most 6)`);
	const styles = new Set(objects.map(({ style }) => style).filter((style) => !isTrainedStyle(style)));
	for (const style of styles) notes.push(`style ${styleNames[style]}`);
	const sizes = [...new Set(objects.map(({ size }) => size).filter((size) => !isTrainedSize(size)))];
	if (sizes.length > 0) notes.push(`${sizes.sort((a, b) => a - b).join(', ')} px (${trainedSizes})`);
	if (objects.some((a, i) => objects.slice(0, i).some((b) => overlap(a, b))))
		notes.push('overlapping objects');
	if (objects.some(onCellBorder)) notes.push('an object on the border of two ninths of the image');
	return notes;
}

export const trainedSizes = `${smallLow} to ${smallHigh} and ${largeLow} to ${largeHigh}`;

/** Training keeps centres at least 3 px away from the lines that cut the image in nine. */
export function onCellBorder(object: SceneObject): boolean {
	const c = centre2(object);
	const third = (2 * imageSize) / 3;
	return [c.x, c.y].some((at) => Math.abs(at - third) < 6 || Math.abs(at - 2 * third) < 6);
}

/** In words, for lists and screen readers. */
export function describeSprite(sprite: Sprite, className: string, styleName: string): string {
	return `${className}, ${styleName}, ${sprite.size} px, at x ${sprite.x}, y ${sprite.y}, ${cellNames[cellOf(sprite)]}`;
}

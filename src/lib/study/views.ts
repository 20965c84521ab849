import { readImageHeader } from '../model/image/header.ts';
import { NEWLINE, wholeOf, type Size, type View } from '../model/image/processor.ts';
import { familyOf } from '../model/families/registry.ts';
import type { ModelManifest } from '../model/manifest.ts';
import type { Trace } from '../model/runtime/types.ts';
import { InputError } from '../tensor/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** An image whose size is known or stands in its bytes. */
interface Sized extends Partial<Size> {
	readonly bytes: Uint8Array;
	readonly name: string;
}

/** What the vision tower sees of an image, in the order of its visual tokens. */
export function viewsOf(manifest: ModelManifest, image: Sized): readonly View[] {
	return familyOf(manifest).imageProcessor(manifest.image).views(sizeOf(image));
}

/**
 * Which visual tokens of an image enter the prompt, by their numbers among those of all views; the others lie on padding.
 * @param tokens M, of each view
 */
export function tokensInPrompt(manifest: ModelManifest, image: Sized, tokens: number): number[] {
	const { layout, views } = familyOf(manifest).imageProcessor(manifest.image);
	const size = sizeOf(image);
	if (!layout) return Array.from({ length: tokens * views(size).length }, (_, token) => token);
	return layout(size, tokens)
		.filter((place) => place !== NEWLINE)
		.sort((a, b) => a - b);
}

/** Visual tokens of the view that is looked at, by their numbers in it, that never enter the prompt. */
export function tokensLeftOut({
	manifest,
	image,
	tokens,
	view
}: {
	readonly manifest: ModelManifest;
	readonly image: Sized;
	readonly tokens: number;
	readonly view: number;
}): number[] {
	const inPrompt = new Set(tokensInPrompt(manifest, image, tokens));
	return Array.from({ length: tokens }, (_, token) => token).filter(
		(token) => !inPrompt.has(view * tokens + token)
	);
}

/** What a method of a figure over visual tokens adds where some are left out. */
export function leftOutPhrase(subject: Parameters<typeof tokensLeftOut>[0]): string {
	const { length } = tokensLeftOut(subject);
	return length === 0
		? ''
		: `; ${length} of the ${subject.tokens} visual tokens lie on padding and are not in the prompt`;
}

/** A picture that cannot be read has no size; the model says so when it gets it. */
export function sizeOf({ width, height, bytes, name }: Sized): Size {
	if (width !== undefined && height !== undefined) return { width, height };
	try {
		const header = readImageHeader(bytes, name);
		return { width: header.width, height: header.height };
	} catch (error) {
		if (!(error instanceof InputError)) throw error;
		return { width: 1, height: 1 };
	}
}

/** The view that figures show until another is chosen: the whole picture where there is one. */
export const shownView = (views: readonly View[], chosen?: number): number =>
	chosen !== undefined && chosen >= 0 && chosen < views.length ? chosen : wholeOf(views);

/** The view among those of another model that sees the same part of the picture in the same rôle; undefined where none does. */
export function sameView(views: readonly View[], view: View | undefined): number | undefined {
	const same = ({ region, tile }: View) =>
		(tile === undefined) === (view?.tile === undefined) &&
		(['x', 'y', 'width', 'height'] as const).every((side) => region[side] === view?.region[side]);
	const found = views.findIndex(same);
	return found < 0 ? undefined : found;
}

/** A view in words. */
export function viewTitle({ tile, crops }: View): string {
	if (crops) return `whole picture from ${crops.rows * crops.columns} crops`;
	return tile ? `tile in row ${tile.row + 1}, column ${tile.column + 1}` : 'whole picture';
}

/** How many views there are of a picture, in words: `4 tiles and the whole`. */
export function viewsInWords(views: readonly View[]): string {
	const tiles = views.filter(({ tile }) => tile !== undefined).length;
	if (tiles === 0) return views.map(viewTitle).join(' and ');
	const count = `${tiles} tile${tiles === 1 ? '' : 's'}`;
	return tiles < views.length ? `${count} and the whole` : count;
}

/** One view's part of an output in a trace. Outputs of views of several sizes have names of their own. */
export function outputOfView(trace: Trace, name: string, view: number, views: number): Tensor | undefined {
	const apart = view > 0 ? trace[`${name}.image${view}`] : undefined;
	const all = trace[name];
	return apart ?? (all && ofView(all, view, views));
}

/** One view's part of a trace, whose first axis goes through the views. */
export function ofView<T extends Tensor>(tensor: T, view: number, views: number): T {
	const [images = 0, ...rest] = tensor.dims;
	if (views === 1 || images !== views) return tensor;
	const size = tensor.data.length / images;
	const data = tensor.data.slice(view * size, (view + 1) * size) as T['data'];
	return { ...tensor, dims: [1, ...rest], data };
}

/** Columns of one view in numbers whose last axis goes through the visual tokens of all views. */
export function columnsOfView(tensor: Tensor<'float32'>, view: number, views: number): Tensor<'float32'> {
	const all = tensor.dims.at(-1) ?? 0;
	if (views === 1 || all % views) return tensor;
	const own = all / views;
	const rows = tensor.data.length / all;
	const data = new Float32Array(rows * own);
	for (let row = 0; row < rows; row++)
		data.set(tensor.data.subarray(row * all + view * own, row * all + (view + 1) * own), row * own);
	return { ...tensor, dims: [...tensor.dims.slice(0, -1), own], data };
}

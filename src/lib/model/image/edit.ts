import { rgbImage, type RgbImage } from './rgb.ts';
import type { Transparency } from './transparency.ts';

/** How a picture is to be decoded for its edits. */
export const laidOn = (edits: readonly PictureEdit[]): Transparency =>
	edits.some(({ kind }) => kind === 'white') ? 'white' : 'drop';

/** A rectangle of whole pixels. */
export interface Region {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
}

/** One change of a picture; regions are in the pixels of the picture as it is before it. */
export type PictureEdit =
	/** Laid on white, of a transparent picture; before anything else, as it is decoded so (`laidOn`). */
	| { readonly kind: 'white' }
	/** As EXIF's orientation says: 2 mirrored, 3 by a half, 6 by a quarter clockwise, 8 counterclockwise; 4, 5 and 7 are mirrored, too. */
	| { readonly kind: 'turn'; readonly orientation: number }
	| ({ readonly kind: 'crop' } & Region)
	/** The region in the picture's mean colour. */
	| ({ readonly kind: 'mask' } & Region)
	/** The region, and nothing around it, blurred; its own mean stays. */
	| ({ readonly kind: 'blur'; readonly radius: number } & Region);

/** The picture after all edits, in their order. Regions are cut to the picture. @throws Error where nothing of a region is left */
export function editPicture(image: RgbImage, edits: readonly PictureEdit[]): RgbImage {
	return edits.reduce(edited, image);
}

function edited(image: RgbImage, edit: PictureEdit): RgbImage {
	if (edit.kind === 'white') return image;
	if (edit.kind === 'turn') return turned(image, edit.orientation);
	const region = within(image, edit);
	if (edit.kind === 'crop') return cropped(image, region);
	const data = image.data.slice();
	const part = edit.kind === 'mask' ? meanOf(image, region) : blurred(cropped(image, region), edit.radius);
	put(data, image.width, region, part);
	return rgbImage(image.width, image.height, data);
}

/** The part of a region that lies in the picture. */
export function within({ width, height }: Pick<RgbImage, 'width' | 'height'>, region: Region): Region {
	const x = Math.min(Math.max(0, Math.round(region.x)), width - 1);
	const y = Math.min(Math.max(0, Math.round(region.y)), height - 1);
	const right = Math.min(width, Math.round(region.x + region.width));
	const bottom = Math.min(height, Math.round(region.y + region.height));
	return { x, y, width: Math.max(1, right - x), height: Math.max(1, bottom - y) };
}

/** Size of a picture after an orientation is followed. */
export const isSideways = (orientation: number): boolean => orientation >= 5;

function turned({ width, height, data }: RgbImage, orientation: number): RgbImage {
	const [columns, rows] = isSideways(orientation) ? [height, width] : [width, height];
	const out = new Uint8Array(data.length);
	/** Where a pixel of the turned picture is stored. */
	const from: Readonly<Record<number, (x: number, y: number) => readonly [number, number]>> = {
		2: (x, y) => [width - 1 - x, y],
		3: (x, y) => [width - 1 - x, height - 1 - y],
		4: (x, y) => [x, height - 1 - y],
		5: (x, y) => [y, x],
		6: (x, y) => [y, height - 1 - x],
		7: (x, y) => [width - 1 - y, height - 1 - x],
		8: (x, y) => [width - 1 - y, x]
	};
	const stored = from[orientation] ?? ((x: number, y: number) => [x, y] as const);
	for (let y = 0; y < rows; y++)
		for (let x = 0; x < columns; x++) {
			const [column, row] = stored(x, y);
			const at = (row * width + column) * 3;
			out.set(data.subarray(at, at + 3), (y * columns + x) * 3);
		}
	return rgbImage(columns, rows, out);
}

function cropped({ width, data }: RgbImage, region: Region): RgbImage {
	const out = new Uint8Array(region.width * region.height * 3);
	for (let row = 0; row < region.height; row++) {
		const at = ((region.y + row) * width + region.x) * 3;
		out.set(data.subarray(at, at + region.width * 3), row * region.width * 3);
	}
	return rgbImage(region.width, region.height, out);
}

/** As large as the region, in the mean colour of the whole picture. */
function meanOf({ data }: RgbImage, region: Region): RgbImage {
	const sums = [0, 0, 0];
	for (let at = 0; at < data.length; at++) sums[at % 3]! += data[at]!;
	const mean = sums.map((sum) => Math.round((sum * 3) / data.length));
	const out = Uint8Array.from({ length: region.width * region.height * 3 }, (_, at) => mean[at % 3]!);
	return rgbImage(region.width, region.height, out);
}

function put(data: Uint8Array, width: number, region: Region, part: RgbImage): void {
	for (let row = 0; row < region.height; row++)
		data.set(
			part.data.subarray(row * region.width * 3, (row + 1) * region.width * 3),
			((region.y + row) * width + region.x) * 3
		);
}

/** Three box blurs, which come near a Gaussian; the edge's pixels go on beyond it. */
function blurred(image: RgbImage, radius: number): RgbImage {
	const { width, height } = image;
	const reach = Math.max(1, Math.round(radius));
	let values = Float32Array.from(image.data);
	for (let pass = 0; pass < 3; pass++) {
		values = boxed(values, { count: width, step: 3, lines: height, apart: width * 3 }, reach);
		values = boxed(values, { count: height, step: width * 3, lines: width, apart: 3 }, reach);
	}
	return rgbImage(width, height, Uint8Array.from(values, Math.round));
}

interface Lines {
	/** Pixels of a line, and how far one is from the next. */
	readonly count: number;
	readonly step: number;
	/** Lines, and how far one is from the next. */
	readonly lines: number;
	readonly apart: number;
}

function boxed(values: Float32Array, { count, step, lines, apart }: Lines, reach: number) {
	const out = new Float32Array(values.length);
	const last = count - 1;
	for (let line = 0; line < lines; line++)
		for (let channel = 0; channel < 3; channel++) {
			const start = line * apart + channel;
			const at = (place: number) => values[start + Math.min(last, Math.max(0, place)) * step]!;
			let sum = 0;
			for (let place = -reach; place <= reach; place++) sum += at(place);
			for (let place = 0; place < count; place++) {
				out[start + place * step] = sum / (2 * reach + 1);
				sum += at(place + reach + 1) - at(place - reach);
			}
		}
	return out;
}

const turns: Readonly<Record<number, string>> = {
	2: 'mirrored',
	3: 'turned by a half',
	4: 'mirrored top to bottom',
	5: 'turned by a quarter to the left and mirrored top to bottom',
	6: 'turned by a quarter to the right',
	7: 'turned by a quarter to the right and mirrored top to bottom',
	8: 'turned by a quarter to the left'
};

/** What an edit does, a phrase. */
export function editPhrase(edit: PictureEdit): string {
	if (edit.kind === 'white') return 'laid on white';
	if (edit.kind === 'turn') return turns[edit.orientation] ?? 'left as it is';
	const { x, y, width, height } = edit;
	const region = `${width} × ${height} px at x ${x}, y ${y}`;
	if (edit.kind === 'crop') return `cropped to ${region}`;
	return edit.kind === 'mask' ? `${region} masked` : `${region} blurred by ${edit.radius} px`;
}

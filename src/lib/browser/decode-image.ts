import avifCode from '@jsquash/avif/codec/dec/avif_dec.wasm?url';
import { imageDecoder } from '../model/image/decode.ts';
import type { ImageFormat, ImageHeader } from '../model/image/header.ts';
import { rgbFromInterleaved, rgbImage, type RgbImage } from '../model/image/rgb.ts';
import type { Transparency } from '../model/image/transparency.ts';

/** Rows read back at a time, so that RGBA pixels of a large image never lie beside it whole. */
const STRIP_PIXELS = 4_000_000;

/**
 * Decodes an image file in the browser, in a worker or not; see `imageDecoder`. A JPEG in CMYK comes out within 1 of 255 of what PIL makes
 * of it, since browsers round otherwise; everything else that is lossless, and JPEG in RGB, is the same to the bit.
 *
 * @param name file name for messages
 * @throws InputError when the file is no image, one of a format that is not decoded, damaged, or too large
 */
export const decodeImage = imageDecoder({
	decode: decodeByBrowser,
	avifCode: async () => (await fetch(avifCode)).arrayBuffer()
});

async function decodeByBrowser(
	file: Uint8Array<ArrayBuffer>,
	{ format, width, height }: ImageHeader,
	transparency: Transparency
): Promise<RgbImage> {
	const bitmap = await createImageBitmap(new Blob([file], { type: `image/${format}` }), asStored);
	try {
		if (bitmap.width !== width || bitmap.height !== height)
			throw new Error('Another size than the header says.');
		const rows = Math.max(1, Math.floor(STRIP_PIXELS / width));
		const read =
			(mayHaveAlpha(format) && straightAlphaReader(width, Math.min(rows, height))) || canvasReader(width);
		const data = new Uint8Array(width * height * 3);
		for (let top = 0; top < height; top += rows) {
			const strip = rgbFromInterleaved(
				width,
				Math.min(rows, height - top),
				await read(bitmap, top, Math.min(rows, height - top)),
				transparency
			);
			data.set(strip.data, top * width * 3);
		}
		return rgbImage(width, height, data);
	} finally {
		bitmap.close();
	}
}

/** RGBA of rows `[top, top + rows)` of a bitmap. */
type RowsReader = (bitmap: ImageBitmap, top: number, rows: number) => Promise<Uint8Array | Uint8ClampedArray>;

const asStored: ImageBitmapOptions = {
	colorSpaceConversion: 'none',
	premultiplyAlpha: 'none'
};

/** Whether colours may lie under alpha; a JPEG has none. */
function mayHaveAlpha(format: ImageFormat): boolean {
	return format === 'webp';
}

/** Reads opaque images exactly; a 2D canvas multiplies by alpha. */
function canvasReader(width: number): RowsReader {
	return (bitmap, top, rows) => {
		const context = new OffscreenCanvas(width, rows).getContext('2d', { willReadFrequently: true });
		if (context === null)
			return Promise.reject(new Error(`The browser gives no canvas of ${width}×${rows} pixels.`));
		context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
		return Promise.resolve(context.getImageData(0, 0, width, rows).data);
	};
}

/** Reads colours under alpha as they are stored, through a WebGL texture; undefined where that cannot be had. */
function straightAlphaReader(width: number, rows: number): RowsReader | undefined {
	const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
	if (gl === null || Math.max(width, rows) > (gl.getParameter(gl.MAX_TEXTURE_SIZE) as number))
		return undefined;
	gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
	gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
	return async (bitmap, top, rows) => {
		const strip = await createImageBitmap(bitmap, 0, top, bitmap.width, rows, asStored);
		const texture = gl.createTexture();
		const framebuffer = gl.createFramebuffer();
		gl.bindTexture(gl.TEXTURE_2D, texture);
		gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, strip);
		gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
		gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
		const pixels = new Uint8Array(bitmap.width * rows * 4);
		gl.readPixels(0, 0, bitmap.width, rows, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
		gl.deleteFramebuffer(framebuffer);
		gl.deleteTexture(texture);
		strip.close();
		return pixels;
	};
}

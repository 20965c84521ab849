import { rgbFromInterleaved, type RgbImage } from './rgb.ts';
import type { Transparency } from './transparency.ts';

/** What this uses of @jsquash/avif's module, whose own types name others that it does not bring. */
interface Libavif {
	decode(
		file: Uint8Array,
		depth: 8
	): { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray } | null;
}

interface Start {
	readonly default: (options: {
		readonly noInitialRun: boolean;
		readonly wasmBinary: BufferSource;
	}) => Promise<Libavif>;
}

/**
 * Decodes AVIF by libavif in WebAssembly, everywhere the same: browsers and sharp make up to 70 of 255 of difference where colours are
 * stored at half the resolution. Within 2 of 255 of Pillow 13, which mixes in fixed point; alpha dropped, turning boxes ignored.
 *
 * @param code fetches avif_dec.wasm of @jsquash/avif, when the first AVIF is met
 */
export function avifDecoder(
	code: () => Promise<BufferSource>
): (file: Uint8Array, transparency?: Transparency) => Promise<RgbImage | undefined> {
	let started: Promise<Libavif> | undefined;
	const start = async () => {
		const module = (await import('@jsquash/avif/codec/dec/avif_dec.js')) as unknown as Start;
		return module.default({ noInitialRun: true, wasmBinary: await code() });
	};
	return async (file, transparency) => {
		started ??= start();
		const libavif = await started.catch((error: unknown) => {
			started = undefined;
			throw error;
		});
		const image = libavif.decode(file, 8);
		return image ? rgbFromInterleaved(image.width, image.height, image.data, transparency) : undefined;
	};
}

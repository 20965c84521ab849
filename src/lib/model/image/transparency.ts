import { InputError } from '../../tensor/errors.ts';
import { transparencies, type Transparency } from '../manifest.ts';

export { transparencies, type Transparency };

/** A model folder's own choice; `drop` where it says none. @throws InputError when it is none of the two */
export function transparencyOf({ transparency = 'drop' }: { readonly transparency?: unknown }): Transparency {
	const found = transparencies.find((word) => word === transparency);
	if (found === undefined)
		throw new InputError(
			`honeybee.json: image.transparency is ${JSON.stringify(transparency)}; make it one of ${transparencies.join(', ')}.`
		);
	return found;
}

/**
 * Lays colours on white in place, as Pillow's `alpha_composite` on an opaque picture does, in its fixed point.
 *
 * @param colours R, G, B of each pixel
 * @param alpha of each pixel, 255 is opaque
 */
export function layOnWhite(colours: Uint8Array, alpha: Uint8Array): void {
	for (let pixel = 0; pixel < alpha.length; pixel++) {
		const cover = alpha[pixel]!;
		if (cover === 255) continue;
		for (let at = 3 * pixel; at < 3 * pixel + 3; at++) {
			// Weights of 7 more bits, the half for rounding, and a division by 255 by shifts.
			const sum = (colours[at]! * cover + 255 * (255 - cover) + 128) << 7;
			colours[at] = (((sum >> 8) + sum) >> 8) >> 7;
		}
	}
}

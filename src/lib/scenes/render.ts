import { backgrounds, classCount, imageSize } from './generate.ts';
import { resizeChannel } from './resize.ts';
import type { AtlasIndex, RgbaImage, Scene } from './types.ts';

/** A sprite at its final size: four planes of premultiplied R, G, B and A. */
type Sprite = readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** The sprites of all classes and styles; keeps those already scaled. */
export class Atlas {
	readonly index: AtlasIndex;
	readonly #image: RgbaImage;
	readonly #sprites = new Map<string, Sprite>();

	constructor(index: AtlasIndex, image: RgbaImage) {
		const { size, classes, styles } = index;
		if (classes.length !== classCount)
			throw new Error(`The atlas has ${classes.length} classes; scenes need ${classCount}.`);
		if (image.width !== size * classes.length || image.height !== size * styles.length)
			throw new Error(`The atlas picture is ${image.width}×${image.height}, not what its index says.`);
		this.index = index;
		this.#image = image;
	}

	sprite(cls: number, style: number, size: number): Sprite {
		const key = `${cls} ${style} ${size}`;
		const known = this.#sprites.get(key);
		if (known !== undefined) return known;
		const side = this.index.size;
		const { data, width } = this.#image;
		const plane = (channel: number): Uint8Array => {
			const out = new Uint8Array(side * side);
			for (let y = 0; y < side; y++)
				for (let x = 0; x < side; x++) {
					const at = ((style * side + y) * width + cls * side + x) * 4;
					const alpha = data[at + 3] ?? 0;
					out[y * side + x] =
						channel === 3 ? alpha : Math.floor(((data[at + channel] ?? 0) * alpha + 127) / 255);
				}
			return resizeChannel(out, side, size);
		};
		const sprite: Sprite = [plane(0), plane(1), plane(2), plane(3)];
		this.#sprites.set(key, sprite);
		return sprite;
	}
}

/** What a sprite leaves of the value under it. */
const below = (value: number, cover: number): number => Math.floor((value * cover + 127) / 255);

export function renderScene(scene: Scene, atlas: Atlas): RgbaImage {
	const data = new Uint8ClampedArray(imageSize * imageSize * 4);
	const rgb = backgrounds[scene.background]?.rgb;
	if (rgb === undefined) throw new RangeError(`There is no background ${scene.background}.`);
	const [r, g, b] = rgb;
	for (let i = 0; i < data.length; i += 4) {
		data[i] = r;
		data[i + 1] = g;
		data[i + 2] = b;
		data[i + 3] = 255;
	}
	for (const object of scene.objects) {
		const [red, green, blue, alpha] = atlas.sprite(object.cls, object.style, object.size);
		for (let y = 0; y < object.size; y++)
			for (let x = 0; x < object.size; x++) {
				const from = y * object.size + x;
				const to = ((object.y + y) * imageSize + object.x + x) * 4;
				const cover = 255 - (alpha[from] ?? 0);
				// Above 255 the array takes 255.
				data[to] = (red[from] ?? 0) + below(data[to] ?? 0, cover);
				data[to + 1] = (green[from] ?? 0) + below(data[to + 1] ?? 0, cover);
				data[to + 2] = (blue[from] ?? 0) + below(data[to + 2] ?? 0, cover);
			}
	}
	return { width: imageSize, height: imageSize, data };
}

/**
 * Images: RGB pixels → `pixel_values`, exactly as upstream's PIL and torchvision steps. Pure; decoding files is in
 * `src/cli/io/decode-image.ts` (Node) and `src/workers/decode-image.ts` (browser).
 *
 * - `preprocess(images, manifest.image)`: `pixel_values` [image, 3, S, S]
 * - `resizeBicubic(image, width, height)`: PIL's bicubic, bit for bit
 * - `decodePng(bytes, name)`: PNG → RGB as PIL's `convert("RGB")`; `readImageHeader(bytes, name)`: format and size, checked
 */
export { damagedImage, MAX_PIXELS, MAX_SIDE, readImageHeader } from './header.ts';
export type { ImageFormat, ImageHeader } from './header.ts';
export { withoutMetadata } from './metadata.ts';
export { decodePng } from './png.ts';
export { clipNormalization, preprocess } from './preprocess.ts';
export type { Normalization } from './preprocess.ts';
export { resizeBicubic } from './resize.ts';
export { rgbFromInterleaved, rgbImage } from './rgb.ts';
export type { RgbImage } from './rgb.ts';

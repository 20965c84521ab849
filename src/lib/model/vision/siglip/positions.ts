/** Numbers that PyTorch's `arange` works on at a time with AVX2. */
const LANES = 8;

/**
 * PyTorch's `arange(start, …, step)` in float32 on a processor with AVX2, to the last bit: two vectors at a time, each a float32 beginning
 * plus multiples of the step; what is left over, one by one.
 */
function arange(start: number, step: number, count: number): Float32Array {
	const vectors = Math.floor(count / (2 * LANES)) * 2 * LANES;
	return Float32Array.from({ length: count }, (_, i) => {
		if (i >= vectors) return start + step * i;
		const lane = i % LANES;
		return Math.fround(start + step * (i - lane)) + lane * step;
	});
}

/** Of each of `valid` rows (or columns) of patches, which of the `stored` rows of positions it gets. */
function buckets(stored: number, valid: number): number[] {
	const boundaries = arange(1 / stored, 1 / stored, stored - 1);
	const fractions = arange(0, Math.fround(1 / valid), valid);
	return Array.from(fractions, (fraction) => boundaries.filter((boundary) => boundary <= fraction).length);
}

/**
 * Ids of positions of a `rows` × `columns` raster of patches, in a table of `stored` × `stored`: what Idefics3VisionEmbeddings of transformers
 * (up to 4.54.1, and again from 5.21.1 on) makes of the patches' places as fractions. For a whole image of 8, 16, 26, 27 or 32 patches a
 * side that is 0, 1, 2 …; for some sides that nobody uses (19, 25, 29 …) float32 rounding gives neighbours the same position.
 */
export function positionIds(stored: number, rows = stored, columns = stored): number[] {
	const across = buckets(stored, columns);
	return buckets(stored, rows).flatMap((row) => across.map((column) => row * stored + column));
}

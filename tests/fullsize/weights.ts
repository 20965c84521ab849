import { elementCount } from '../../src/lib/tensor/tensor.ts';

/**
 * Weights without a pattern that can be made anywhere: value i of a tensor is a hash of its name and i. Every value is exact in
 * bfloat16, so that float32 arithmetic on them needs no rounding agreement. Norms lie near one, matrices keep activations tame.
 * @returns bfloat16 bits of elements `[start, end)`
 */
export function weightBits(key: string, dims: readonly number[], start: number, end: number): Uint16Array {
	const out = new Uint16Array(end - start);
	const float = new Float32Array(1);
	const bits = new Uint32Array(float.buffer);
	const table = Uint16Array.from({ length: 256 }, (_, i) => {
		float[0] = valueOf(key, dims, i - 128);
		return bits[0]! >>> 16;
	});
	const seed = hashOf(key);
	for (let i = start; i < end; i++) {
		let x = (i + seed) | 0;
		x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
		x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
		out[i - start] = table[((x ^ (x >>> 16)) >>> 24) & 255]!;
	}
	return out;
}

/** @param v −128 to 127 */
function valueOf(key: string, dims: readonly number[], v: number): number {
	if (/norm|\.bn\./.test(key) && key.endsWith('.weight')) return 1 + (v >> 4) / 64;
	if (key.endsWith('reference_points')) return 0.5 + v / 512;
	const fanIn = dims.length > 1 ? elementCount(dims) / dims[0]! : 4;
	return (v / 128) * 2 ** Math.round(Math.log2(1.5 / Math.sqrt(fanIn)));
}

/** FNV-1a of the name. */
function hashOf(key: string): number {
	let hash = 0x811c9dc5;
	for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
	return hash >>> 0;
}

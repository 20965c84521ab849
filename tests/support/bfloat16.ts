/** float32 → bfloat16 bits, to nearest, ties to even; NaN stays NaN. What checkpoints in bfloat16 are made with. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
	const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
	return Uint16Array.from(bits, (b) =>
		(b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16) & 0xffff
	);
}

/** Seeded uniform numbers in [0, 1): the same on every machine. */
export type Random = () => number;

/** splitmix32 (Steele, Lea, Flood, OOPSLA 2014, in 32 bits): one 32-bit state, good enough for resampling and directions. */
export function seededRandom(seed: number): Random {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x9e3779b9) >>> 0;
		let z = state;
		z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
		z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
		return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
	};
}

/** Standard normal numbers (Box–Muller). */
export function normals(count: number, random: Random): Float64Array {
	const out = new Float64Array(count);
	for (let i = 0; i < count; i += 2) {
		const radius = Math.sqrt(-2 * Math.log(1 - random()));
		const angle = 2 * Math.PI * random();
		out[i] = radius * Math.cos(angle);
		if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
	}
	return out;
}

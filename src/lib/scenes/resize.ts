/** PIL's antialiased bicubic for one 8-bit channel, to the last bit. */

interface Taps {
	readonly start: number;
	readonly weights: Int32Array;
}

const bits = 22;

function bicubic(value: number): number {
	const a = -0.5;
	const x = Math.abs(value);
	if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
	if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
	return 0;
}

function tapsFor(from: number, to: number): Taps[] {
	const scale = from / to;
	const filterScale = Math.max(scale, 1);
	const support = 2 * filterScale;
	const inverse = 1 / filterScale;
	const taps: Taps[] = [];
	for (let i = 0; i < to; i++) {
		const centre = (i + 0.5) * scale;
		const start = Math.max(Math.trunc(centre - support + 0.5), 0);
		const end = Math.min(Math.trunc(centre + support + 0.5), from);
		const raw = Array.from({ length: end - start }, (_, k) => bicubic((k + start - centre + 0.5) * inverse));
		const sum = raw.reduce((total, w) => total + w, 0);
		const weights = Int32Array.from(raw, (w) => {
			const scaled = (w / sum) * 2 ** bits;
			return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
		});
		taps.push({ start, weights });
	}
	return taps;
}

/** One pass over rows; the result is transposed, so that two passes give both directions. */
function passTransposed(data: Uint8Array, width: number, height: number, to: number): Uint8Array {
	if (width === to) {
		const copy = new Uint8Array(data.length);
		for (let y = 0; y < height; y++)
			for (let x = 0; x < width; x++) copy[x * height + y] = data[y * width + x] ?? 0;
		return copy;
	}
	const out = new Uint8Array(to * height);
	tapsFor(width, to).forEach(({ start, weights }, i) => {
		for (let y = 0; y < height; y++) {
			let sum = 2 ** (bits - 1);
			for (let k = 0; k < weights.length; k++) sum += (data[y * width + start + k] ?? 0) * (weights[k] ?? 0);
			out[i * height + y] = Math.min(255, Math.max(0, sum >> bits));
		}
	});
	return out;
}

export function resizeChannel(data: Uint8Array, side: number, to: number): Uint8Array {
	return passTransposed(passTransposed(data, side, side, to), side, to, to);
}

import { InputError } from '../tensor/errors.ts';
import { assign } from './assignment.ts';

/** Visual tokens of one projector, `data` row-major [tokens, width]. */
export interface TokenMatrix {
	readonly tokens: number;
	readonly width: number;
	readonly data: Float32Array;
}

/** Subtracts the mean token: projectors add a large common vector that would make everything look alike. */
export function centred({ tokens, width, data }: TokenMatrix): TokenMatrix {
	const means = new Float64Array(width);
	for (let m = 0; m < tokens; m++) for (let o = 0; o < width; o++) means[o]! += data[m * width + o]! / tokens;
	return { tokens, width, data: data.map((value, i) => value - means[i % width]!) };
}

/** Inner products of all tokens of a with all of b [a.tokens, b.tokens]. */
function gram(a: TokenMatrix, b: TokenMatrix): Float64Array {
	const out = new Float64Array(a.tokens * b.tokens);
	for (let i = 0; i < a.tokens; i++) {
		const left = a.data.subarray(i * a.width, (i + 1) * a.width);
		for (let j = 0; j < b.tokens; j++) {
			const from = j * b.width;
			let sum = 0;
			for (let o = 0; o < left.length; o++) sum += left[o]! * b.data[from + o]!;
			out[i * b.tokens + j] = sum;
		}
	}
	return out;
}

/**
 * Linear centred kernel alignment (Kornblith et al. 2019) of two sets of the same tokens, in Gram form:
 * Σ K∘L / (|K|_F |L|_F) with K = X Xᵀ, L = Y Yᵀ of the centred tokens. 0..1; 1 for equal up to rotation and one scale. Widths may differ.
 */
export function linearCKA(x: TokenMatrix, y: TokenMatrix): number {
	if (x.tokens !== y.tokens)
		throw new InputError(
			`Linear CKA compares the same tokens, got ${x.tokens} and ${y.tokens}; choose the same M or compare by matching.`
		);
	const [a, b] = [centred(x), centred(y)];
	const [K, L] = [gram(a, a), gram(b, b)];
	let both = 0;
	let left = 0;
	let right = 0;
	for (let i = 0; i < K.length; i++) {
		both += K[i]! * L[i]!;
		left += K[i]! * K[i]!;
		right += L[i]! * L[i]!;
	}
	return left > 0 && right > 0 ? both / Math.sqrt(left * right) : 0;
}

/** Cosines of all tokens of a with all of b, row-major [a.tokens, b.tokens]; 0 with a zero token. Widths must agree. */
export function cosines(a: TokenMatrix, b: TokenMatrix): Float32Array {
	if (a.width !== b.width)
		throw new InputError(
			`Cosines need tokens of one width, got ${a.width} and ${b.width}: these projectors feed different language models.`
		);
	const norms = ({ tokens, width, data }: TokenMatrix) =>
		Float64Array.from({ length: tokens }, (_, m) => Math.hypot(...data.subarray(m * width, (m + 1) * width)));
	const [left, right] = [norms(a), norms(b)];
	return Float32Array.from(gram(a, b), (dot, i) => {
		const scale = left[Math.floor(i / b.tokens)]! * right[i % b.tokens]!;
		return scale > 0 ? dot / scale : 0;
	});
}

export interface TokenMatching {
	/** For each token of a, its partner in b, −1 when it has none (b is shorter). */
	readonly partner: Int32Array;
	/** Cosine of each matched pair, NaN without partner [a.tokens]. */
	readonly cosine: Float32Array;
	/** Mean over the matched pairs. */
	readonly mean: number;
	/** Cosines of all pairs, row-major [a.tokens, b.tokens]. */
	readonly all: Float32Array;
}

/** One-to-one matching of tokens with the largest sum of cosines: similarity of projectors with other orders or other M. */
export function matchTokens(a: TokenMatrix, b: TokenMatrix): TokenMatching {
	const all = cosines(a, b);
	const { columnOfRow, cost } = assign(
		Float64Array.from(all, (value) => -value),
		a.tokens,
		b.tokens
	);
	const cosine = Float32Array.from(columnOfRow, (j, i) => (j < 0 ? NaN : all[i * b.tokens + j]!));
	return { partner: columnOfRow, cosine, mean: -cost / Math.min(a.tokens, b.tokens), all };
}

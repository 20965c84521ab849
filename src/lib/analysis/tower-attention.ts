/** What a head's attention has in common over all patches. P positions: class tokens first, then the N = side² patches row by row. */
export interface TowerHeads {
	readonly heads: number;
	readonly classTokens: number;
	/** Patches on a side. */
	readonly side: number;
}

/**
 * Mean attention distance of each head (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", figure 7): over all patches as queries, the mean
 * distance to the patches they attend to, weighted by the attention. The class token has no place: it is left out on both sides, and what goes to
 * the patches is taken as the whole.
 * @param weights [head, P, P]
 * @returns [head], in patches
 */
export function attentionDistances(
	weights: Float32Array,
	{ heads, classTokens, side }: TowerHeads
): Float32Array {
	const N = side * side;
	const P = N + classTokens;
	const away = distances(side);
	return Float32Array.from({ length: heads }, (_, head) => {
		let sum = 0;
		for (let query = 0; query < N; query++) {
			const row = (head * P + classTokens + query) * P + classTokens;
			const [y, x] = [Math.floor(query / side), query % side];
			let [mass, far] = [0, 0];
			for (let key = 0; key < N; key++) {
				const weight = weights[row + key]!;
				mass += weight;
				far += weight * away[Math.abs(Math.floor(key / side) - y) * side + Math.abs((key % side) - x)]!;
			}
			sum += mass > 0 ? far / mass : 0;
		}
		return sum / N;
	});
}

/** Mean distance of all pairs of patches: what attention that is the same everywhere has, in patches. */
export function uniformDistance(side: number): number {
	const away = distances(side);
	let sum = 0;
	for (let dy = 0; dy < side; dy++)
		for (let dx = 0; dx < side; dx++) {
			const pairs = (side - dy) * (side - dx) * (dy > 0 ? 2 : 1) * (dx > 0 ? 2 : 1);
			sum += pairs * away[dy * side + dx]!;
		}
	return sum / side ** 4;
}

/** Share of the patches' attention that goes to class tokens, their mean: [head]. @param weights [head, P, P] */
export function attentionToClass(
	weights: Float32Array,
	{ heads, classTokens, side }: TowerHeads
): Float32Array {
	const N = side * side;
	const P = N + classTokens;
	return Float32Array.from({ length: heads }, (_, head) => {
		let sum = 0;
		for (let query = 0; query < N; query++)
			for (let key = 0; key < classTokens; key++) sum += weights[(head * P + classTokens + query) * P + key]!;
		return sum / N;
	});
}

/**
 * One position's attention to the patches, for every head: [head, N].
 * @param weights [head, P, P]
 * @param query a patch; the class token when absent
 */
export function attentionOf(
	weights: Float32Array,
	{ heads, classTokens, side }: TowerHeads,
	query: number | undefined
): Float32Array {
	const N = side * side;
	const P = N + classTokens;
	const out = new Float32Array(heads * N);
	for (let head = 0; head < heads; head++) {
		const row = (head * P + (query === undefined ? 0 : classTokens + query)) * P + classTokens;
		out.set(weights.subarray(row, row + N), head * N);
	}
	return out;
}

/** Distance by rows and columns between, [side · side]. */
function distances(side: number): Float64Array {
	return Float64Array.from({ length: side * side }, (_, i) => Math.hypot(Math.floor(i / side), i % side));
}

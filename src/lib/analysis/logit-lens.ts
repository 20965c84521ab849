import { InputError } from '../tensor/errors.ts';

/** Nearest words of one position. */
export interface LensReading {
	/** Token ids by falling probability. */
	readonly ids: readonly number[];
	readonly probabilities: readonly number[];
	/** Entropy of the whole distribution, bits; log2(vocab) when nothing is preferred. */
	readonly entropy: number;
}

/**
 * Logit lens (nostalgebraist 2020): hidden states of any layer, through the final norm and the output matrix, as if the model ended there.
 * The vocabulary comes in chunks, so that a large output matrix is never whole in memory: `add` the logits of one chunk after the other
 * (from `projectLogits`, or from a graph), then `read`.
 */
export class LogitLens {
	readonly #positions: number;
	readonly #k: number;
	readonly #max: Float64Array;
	/** Σ e^(logit − max). */
	readonly #sum: Float64Array;
	/** Σ (logit − max)·e^(logit − max). */
	readonly #weighted: Float64Array;
	readonly #best: { readonly id: number; readonly logit: number }[][];

	/** @param k number of words kept for each position */
	constructor(positions: number, k: number) {
		this.#positions = positions;
		this.#k = k;
		this.#max = new Float64Array(positions).fill(-Infinity);
		this.#sum = new Float64Array(positions);
		this.#weighted = new Float64Array(positions);
		this.#best = Array.from({ length: positions }, () => []);
	}

	/** @param logits [position, chunk] row-major  @param firstId vocabulary id of the chunk's first column */
	add(logits: Float32Array, firstId: number): void {
		const chunk = logits.length / this.#positions;
		if (!Number.isInteger(chunk))
			throw new InputError(`${logits.length} logits cannot be shared among ${this.#positions} positions.`);
		for (let p = 0; p < this.#positions; p++)
			this.#addRow(p, logits.subarray(p * chunk, (p + 1) * chunk), firstId);
	}

	#addRow(position: number, logits: Float32Array, firstId: number): void {
		const best = this.#best[position]!;
		const before = this.#max[position]!;
		let max = before;
		for (const logit of logits) if (logit > max) max = logit;
		let sum = 0;
		let weighted = 0;
		if (before > -Infinity) {
			const scale = Math.exp(before - max);
			sum = this.#sum[position]! * scale;
			weighted = (this.#weighted[position]! + (before - max) * this.#sum[position]!) * scale;
		}
		for (let i = 0; i < logits.length; i++) {
			const logit = logits[i]!;
			const e = Math.exp(logit - max);
			sum += e;
			weighted += (logit - max) * e;
			if (best.length === this.#k && logit <= best[best.length - 1]!.logit) continue;
			let at = best.length;
			while (at > 0 && best[at - 1]!.logit < logit) at--;
			best.splice(at, 0, { id: firstId + i, logit });
			if (best.length > this.#k) best.pop();
		}
		this.#max[position] = max;
		this.#sum[position] = sum;
		this.#weighted[position] = weighted;
	}

	read(): LensReading[] {
		return this.#best.map((best, p) => {
			const [max, sum] = [this.#max[p]!, this.#sum[p]!];
			return {
				ids: best.map(({ id }) => id),
				probabilities: best.map(({ logit }) => Math.exp(logit - max) / sum),
				entropy: Math.max(0, (Math.log(sum) - this.#weighted[p]! / sum) / Math.LN2)
			};
		});
	}
}

/** RMSNorm of hidden states [position, hidden] as the language model's last norm does it. Leave out for its last hidden state, which is normed. */
export function rmsNorm(hidden: Float32Array, weight: Float32Array, epsilon: number): Float32Array {
	const width = weight.length;
	const out = new Float32Array(hidden.length);
	for (let from = 0; from < hidden.length; from += width) {
		let squares = 0;
		for (let i = 0; i < width; i++) squares += hidden[from + i]! ** 2;
		const scale = 1 / Math.sqrt(squares / width + epsilon);
		for (let i = 0; i < width; i++) out[from + i] = hidden[from + i]! * scale * weight[i]!;
	}
	return out;
}

/** Logits [position, rows] of normed hidden states [position, hidden] for some rows [rows, hidden] of `lm_head`. */
export function projectLogits(normed: Float32Array, rows: Float32Array, width: number): Float32Array {
	const positions = normed.length / width;
	const count = rows.length / width;
	const out = new Float32Array(positions * count);
	for (let p = 0; p < positions; p++)
		for (let r = 0; r < count; r++) {
			let sum = 0;
			for (let i = 0; i < width; i++) sum += normed[p * width + i]! * rows[r * width + i]!;
			out[p * count + r] = sum;
		}
	return out;
}

export interface LensWeights {
	/** Final norm's weight [hidden] and its epsilon. */
	readonly norm: { readonly weight: Float32Array; readonly epsilon: number };
	/** `lm_head.weight` [vocab, hidden]. */
	readonly head: Float32Array;
}

/** The whole lens in one call, for models whose output matrix is at hand. `normed`: the states are after the final norm already. */
export function logitLens(
	hidden: Float32Array,
	{ norm, head }: LensWeights,
	{ k = 5, chunk = 4096, normed = false } = {}
): LensReading[] {
	const width = norm.weight.length;
	const states = normed ? hidden : rmsNorm(hidden, norm.weight, norm.epsilon);
	const lens = new LogitLens(hidden.length / width, k);
	for (let first = 0; first * width < head.length; first += chunk)
		lens.add(projectLogits(states, head.subarray(first * width, (first + chunk) * width), width), first);
	return lens.read();
}

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
 * (from the lens graph), then `read`.
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

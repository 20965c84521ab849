import type { ProbeControl } from './language.ts';

/** Rows of the embedding that are looked at together. */
const CHUNK = 1024;

export interface NearestIds {
	/** Ids by falling cosine [n][k]. */
	readonly ids: readonly (readonly number[])[];
	/** [n][k] */
	readonly cosines: readonly (readonly number[])[];
}

/**
 * The words whose embeddings, as they enter the language model, have the largest cosine with each vector.
 * @param embed embeddings [id, hidden] of ids
 * @param vocabulary ids that are words
 * @param vectors [n, hidden]
 * @param k words for each
 */
export async function nearestIds(
	embed: (ids: readonly number[]) => Promise<Float32Array>,
	vocabulary: readonly number[],
	vectors: Float32Array,
	hidden: number,
	k: number,
	{ signal, onProgress, pause }: ProbeControl = {}
): Promise<NearestIds> {
	const n = vectors.length / hidden;
	const unit = normalised(vectors, hidden);
	const best = Array.from({ length: n }, () => ({ ids: [] as number[], cosines: [] as number[] }));
	for (let from = 0; from < vocabulary.length; from += CHUNK) {
		await pause?.();
		signal?.throwIfAborted();
		const ids = vocabulary.slice(from, from + CHUNK);
		const rows = normalised(await embed(ids), hidden);
		for (let v = 0; v < n; v++) {
			const { ids: kept, cosines } = best[v]!;
			for (let row = 0; row < ids.length; row++) {
				let cosine = 0;
				for (let c = 0; c < hidden; c++) cosine += unit[v * hidden + c]! * rows[row * hidden + c]!;
				if (kept.length === k && cosine <= cosines[k - 1]!) continue;
				let at = cosines.length;
				while (at > 0 && cosines[at - 1]! < cosine) at--;
				kept.splice(at, 0, ids[row]!);
				cosines.splice(at, 0, cosine);
				kept.length = cosines.length = Math.min(k, kept.length);
			}
		}
		onProgress?.(Math.min(from + CHUNK, vocabulary.length), vocabulary.length);
	}
	return { ids: best.map(({ ids }) => ids), cosines: best.map(({ cosines }) => cosines) };
}

/** Every row of length 1; a row of zeros stays one. */
function normalised(rows: Float32Array, width: number): Float32Array {
	const out = rows.slice();
	for (let from = 0; from < rows.length; from += width) {
		let squares = 0;
		for (let c = 0; c < width; c++) squares += rows[from + c]! ** 2;
		const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
		for (let c = 0; c < width; c++) out[from + c]! *= scale;
	}
	return out;
}

import type { Tensor } from '../../src/lib/tensor/tensor.ts';

/** A trace with the names that some goldens have besides. */
export function namedAsGolden(trace: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
	const layers = Object.keys(trace).filter((name) => name.startsWith('vision.features.'));
	const last = lastRow(trace.logits!);
	return {
		...trace,
		...{ logits_last: last, last_logits: last },
		...(layers.length > 1 && { 'vision.features_multi': joined(layers.map((name) => trace[name]!)) })
	};
}

/** [1, N, D] several times as [1, N, sum of D]. */
function joined(parts: readonly Tensor[]): Tensor {
	const [, N = 0] = parts[0]!.dims;
	const width = parts.reduce((sum, { dims }) => sum + dims[2]!, 0);
	const data = new Float32Array(N * width);
	let at = 0;
	for (const { dims, data: values } of parts) {
		const D = dims[2]!;
		for (let n = 0; n < N; n++)
			data.set((values as Float32Array).subarray(n * D, (n + 1) * D), n * width + at);
		at += D;
	}
	return { dtype: 'float32', dims: [1, N, width], data };
}

/** [1, T, V] → [1, V] */
function lastRow({ data, dims }: Tensor): Tensor {
	const V = dims[2]!;
	return { dtype: 'float32', dims: [1, V], data: (data as Float32Array).slice(-V) };
}

/** Tables of places and derivatives, which are other tests' than those of a trace. */
export const isTable = (name: string) => /^(locality|token_)/.test(name);

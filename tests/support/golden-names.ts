import type { Tensor } from '../../src/lib/tensor/tensor.ts';

/**
 * A trace with the names and forms that some goldens have besides: of all images together what enters the prompt as `visual_embeds`, of the
 * logits the last row alone, of towers for any size of picture the patches without an axis for images.
 */
export function namedAsGolden(
	trace: Readonly<Record<string, Tensor>>,
	expected: Readonly<Record<string, Tensor>>
): Record<string, Tensor> {
	const layers = Object.keys(trace).filter((name) => name.startsWith('vision.features.'));
	const logits = trace.logits!;
	const last = lastRow(logits);
	const [, rows] = expected.logits?.dims ?? [];
	const visual = spliced(trace);
	const { pixel_values: pixels } = trace;
	const patches = pixels?.dims.length === 3 && pixels.dims[0] === 1;
	return {
		...trace,
		...networks(trace, Object.keys(expected)),
		...(patches && { pixel_values: { ...pixels, dims: pixels.dims.slice(1) } }),
		...{ logits_last: last, last_logits: last },
		...(rows === 1 && { logits: { ...last, dims: [1, ...last.dims] } }),
		...(visual && expected.visual_embeds?.dims.join() === visual.dims.join() && { visual_embeds: visual }),
		...(layers.length > 1 && { 'vision.features_multi': joined(layers.map((name) => trace[name]!)) })
	};
}

/** Outputs of two networks, one for each view, under names of their own. */
function networks(
	trace: Readonly<Record<string, Tensor>>,
	wanted: readonly string[]
): Record<string, Tensor> {
	return Object.fromEntries(
		wanted.flatMap((name) => {
			const [, view, rest] = /^proj\.(ctt|ori)\.(.*)$/.exec(name) ?? [];
			if (view === undefined) return [];
			const first = trace[`proj.${rest}`];
			const second = trace[`proj.${rest}.image1`];
			if (second) return [[name, view === 'ctt' ? first! : second]];
			if (!first) return [];
			const half = first.data.length / 2;
			const data = view === 'ctt' ? first.data.slice(0, half) : first.data.slice(half);
			return [[name, { ...first, dims: [1, ...first.dims.slice(1)], data }]];
		})
	);
}

/** Rows of `input_embeds` at the places of visual tokens, [1, places, O]. */
function spliced({ input_ids, input_embeds }: Readonly<Record<string, Tensor>>): Tensor | undefined {
	if (!input_ids || !input_embeds) return undefined;
	const O = input_embeds.dims[2]!;
	const places = Array.from(input_ids.data as BigInt64Array, Number).flatMap((id, at) =>
		id < 0 ? [at] : []
	);
	const data = new Float32Array(places.length * O);
	places.forEach((at, row) =>
		data.set((input_embeds.data as Float32Array).subarray(at * O, (at + 1) * O), row * O)
	);
	return { dtype: 'float32', dims: [1, places.length, O], data };
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
export const isTable = (name: string) => /^(locality|token_|patch_order|grid_thw)/.test(name);

import { gridSide } from '$lib/model/config.ts';
import { samplingNames, samplingTrace, type SamplingTrace } from '$lib/analysis/offsets.ts';
import type { ProjectorEntry } from '$lib/model/manifest.ts';
import type { Sampler } from '$lib/model/projectors/definition.ts';
import { projectorOf } from '$lib/model/projectors/registry.ts';
import type { Tensor } from '$lib/tensor/tensor.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';
import type { Control } from '$lib/study/control.ts';
import type { Subject } from '$lib/workbench/figures/subject.ts';

/** The sampler of a projector; undefined when it samples nowhere in particular. */
export function samplerOf(entry: ProjectorEntry): Sampler | undefined {
	return projectorOf(entry.config).sampler;
}

/** Reference points, sampling locations and weights of all layers for one image. */
export async function sample(
	client: ModelClient,
	subject: Subject,
	sampler: Sampler
): Promise<SamplingTrace> {
	const trace = await client.trace({ ...subject.request, names: samplingNames(sampler) });
	return samplingTrace(sampler, gridSide(subject.manifest.config.vision_config), (name) => {
		const tensor = trace[name];
		if (!tensor) throw new Error(`The model gave no ${name}; convert its checkpoint again.`);
		return tensor;
	});
}

/** The same for several images, one after the other on the first axis. */
export async function sampleSet(
	client: ModelClient,
	subjects: readonly Subject[],
	sampler: Sampler,
	control: Control
): Promise<SamplingTrace> {
	const traces: SamplingTrace[] = [];
	for (const subject of subjects) {
		control.signal?.throwIfAborted();
		control.onProgress?.({ done: traces.length, total: subjects.length });
		traces.push(await sample(client, subject, sampler));
	}
	return joinTraces(traces);
}

/** Traces of single images as one trace of all. */
export function joinTraces(traces: readonly SamplingTrace[]): SamplingTrace {
	const first = traces[0];
	if (!first) throw new Error('There are no images to compare; put some in.');
	return {
		side: first.side,
		referencePoints: join(traces.map(({ referencePoints }) => referencePoints)),
		layers: first.layers.map((_, i) => ({
			locations: join(traces.map(({ layers }) => layers[i]!.locations)),
			weights: join(traces.map(({ layers }) => layers[i]!.weights))
		}))
	};
}

function join(tensors: readonly Tensor[]): Tensor<'float32'> {
	const [first] = tensors;
	const data = tensors.map((tensor) => tensor.data as Float32Array);
	const out = new Float32Array(data.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const values of data) {
		out.set(values, at);
		at += values.length;
	}
	return {
		dtype: 'float32',
		dims: [tensors.reduce((sum, { dims }) => sum + dims[0]!, 0), ...first!.dims.slice(1)],
		data: out
	};
}

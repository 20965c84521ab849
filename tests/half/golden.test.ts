import { expect, it } from 'vitest';
import { gridSide } from '../../src/lib/model/config.ts';
import { TraceRecorder } from '../../src/lib/model/runtime/trace-recorder.ts';
import { fetchGolden, goldenRequest } from '../browser/model/converted.ts';
import type { Tensor } from '../../src/lib/tensor/tensor.ts';
import { compareTensors, type Comparison } from '../support/compare.ts';
import { goldenCheckpoints } from '../support/golden.ts';
import {
	answerOf,
	D_ABSTRACTOR_TOLERANCE,
	FEATURES_TOLERANCE,
	FOUR_BIT_TOLERANCE,
	goldenFolder,
	HALF_TOLERANCE,
	halfTypes,
	loadOn,
	type Where
} from './support.ts';

/** Every tensor of every case, on WebGPU in the type, against float32 of upstream and against the same type on WASM. */
it.each(halfTypes.flatMap((dtype) => goldenCheckpoints.map((checkpoint) => ({ dtype, checkpoint }))))(
	'$checkpoint in $dtype',
	async ({ dtype, checkpoint }) => {
		const folder = await goldenFolder(checkpoint, dtype);
		const golden = await fetchGolden(checkpoint);
		const models = { webgpu: await loadOn('webgpu', folder), wasm: await loadOn('wasm', folder) };
		for (const [caseName, goldenCase] of Object.entries(golden.cases)) {
			const { input_ids, generated_ids } = goldenCase;
			const request = await goldenRequest(folder.manifest, goldenCase);
			const on = async (where: Where) => {
				const recorder = new TraceRecorder();
				const result = await answerOf(models[where], request, recorder);
				expect(result).toMatchObject({ backend: where, dtype });
				expect(result.prompt_ids).toEqual(input_ids);
				return { result, trace: recorder.trace };
			};
			const [gpu, wasm] = [await on('webgpu'), await on('wasm')];
			const where = `${checkpoint} ${caseName} in ${dtype}`;
			// Ids are compared below: random weights have near ties.
			const { generated_ids: _, ...expected } = golden.tensors[caseName]!;
			const ofType = (name: string) =>
				name.startsWith('vision.')
					? FEATURES_TOLERANCE
					: // Products of two tents, one per axis, over locations: the slope of each is the number of patches per side.
						name.endsWith('.sampling_matrix')
						? 2 * FEATURES_TOLERANCE * gridSide(folder.manifest.config.vision_config)
						: checkpoint === 'd-abs'
							? D_ABSTRACTOR_TOLERANCE
							: HALF_TOLERANCE;
			const byLanguage = (name: string) => name === 'logits' || name.startsWith('lm.hidden_states.');
			const fromUpstream = (name: string) =>
				dtype === 'q4f16' && byLanguage(name) && name !== 'lm.hidden_states.0'
					? FOUR_BIT_TOLERANCE
					: ofType(name);
			const beyond = ({ differences }: Comparison, limit: (name: string) => number) =>
				differences.filter(({ name, error }) => !(error <= limit(name)));
			const upstream = compareTensors(gpu.trace, expected, HALF_TOLERANCE);
			const all = `${where}, all differences from`;
			expect(beyond(upstream, fromUpstream), `${all} upstream:\n${upstream.report}`).toEqual([]);
			const { generated_ids: __, ...same } = wasm.trace;
			const type = compareTensors(gpu.trace, same, HALF_TOLERANCE);
			expect(beyond(type, ofType), `${all} WASM:\n${type.report}`).toEqual([]);
			if (dtype === 'fp16') expect(gpu.result.ids, `${where}: greedy ids`).toEqual(generated_ids);
			// The token chosen here is on WASM as likely as the one chosen there, or nearly so: random weights have near ties.
			const logits = lastRow(wasm.trace.logits!);
			const scale = logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
			const behind = Math.max(...logits) - logits[gpu.result.ids[0]!]!;
			expect(behind / scale, `${where}: first token`).toBeLessThan(2 * HALF_TOLERANCE);
			const worst = [upstream, type].map(({ report }) => report.split('\n')[0]);
			const equal = gpu.result.ids.findIndex((id, i) => id !== wasm.result.ids[i]);
			const ids = equal < 0 ? 'the same ids' : `other ids than WASM from ${equal} on`;
			console.info(`${where}: from upstream ${worst[0]}, from WASM ${worst[1]}, ${ids}`);
		}
		for (const model of Object.values(models)) await model.dispose();
	}
);

function lastRow({ dims, data }: Tensor): number[] {
	return Array.from(data as Float32Array).slice(-dims.at(-1)!);
}

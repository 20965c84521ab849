import { expect, it } from 'vitest';
import { TraceRecorder } from '../../src/lib/model/runtime/trace-recorder.ts';
import { greedy } from '../../src/lib/model/sampling.ts';
import { fetchGolden, goldenImage } from '../browser/model/converted.ts';
import { compareTensors } from '../support/compare.ts';
import { goldenCheckpoints } from '../support/golden.ts';
import {
	answerOf,
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
		for (const [caseName, { prompt, images, input_ids, generated_ids }] of Object.entries(golden.cases)) {
			const request = {
				projector: Object.keys(folder.manifest.projectors)[0]!,
				turns: [
					{
						question: '',
						images: await Promise.all(
							images.map(async (image) => ({ id: image, name: image, bytes: await goldenImage(image) }))
						)
					}
				],
				sampling: { ...greedy, max_new_tokens: 20 },
				raw_prompt: prompt
			};
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
			const byLanguage = (name: string) => name === 'logits' || name.startsWith('lm.');
			const limits = (name: string) =>
				dtype === 'q4f16' && byLanguage(name) ? FOUR_BIT_TOLERANCE : HALF_TOLERANCE;
			const upstream = compareTensors(gpu.trace, expected, HALF_TOLERANCE);
			expect(
				upstream.differences.filter(({ name, error }) => !(error <= limits(name))),
				`${where}, all differences from upstream:\n${upstream.report}`
			).toEqual([]);
			const { generated_ids: __, ...same } = wasm.trace;
			const type = compareTensors(gpu.trace, same, HALF_TOLERANCE);
			expect(type.failures, `${where}, all differences from WASM:\n${type.report}`).toEqual([]);
			expect(gpu.result.ids).toHaveLength(20);
			if (dtype === 'fp16') expect(gpu.result.ids, `${where}: greedy ids`).toEqual(generated_ids);
			const worst = [upstream, type].map(({ report }) => report.split('\n')[0]);
			const equal = gpu.result.ids.filter((id, i) => id === wasm.result.ids[i]).length;
			console.info(
				`${where}: from upstream ${worst[0]}, from WASM ${worst[1]}, ${equal} of 20 ids as on WASM`
			);
		}
		for (const model of Object.values(models)) await model.dispose();
	}
);

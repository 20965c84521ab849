import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import type { Backend } from '../../../src/lib/model/runtime/backend.ts';
import { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { TraceRecorder } from '../../../src/lib/model/runtime/trace-recorder.ts';
import type { AnswerResult } from '../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { decodeImage } from '../../../src/lib/browser/decode-image.ts';
import { createWasmBackend, createWebGpuBackend } from '../../../src/workers/model/web-backend.ts';
import { compareTensors, difference, tolerance } from '../../support/compare.ts';
import { goldenCheckpoints } from '../../support/golden.ts';
import { convertGolden, fetchGolden, goldenRequest } from './converted.ts';

const failures: string[] = [];
const backends = {
	wasm: () => createWasmBackend('asked for by the test'),
	webgpu: () =>
		createWebGpuBackend({
			reason: 'asked for by the test',
			onFailure: ({ message }) => failures.push(message)
		})
};

/** Every golden tensor and greedy id, the checkpoint converted and run in this browser. */
describe.each(['wasm', 'webgpu'] as const)('golden on %s', (name) => {
	let backend: Backend;
	beforeAll(async () => {
		backend = await backends[name]();
		expect(backend.info.backend).toBe(name);
	});
	afterAll(() => backend.dispose());

	it('computes where it says', async () => {
		const submit = vi.spyOn(GPUQueue.prototype, 'submit');
		const folder = await openModelFolder(memoryFolder('linear', await convertGolden('linear')));
		const model = await HoneybeeModel.load({
			backend: { ...backend, dispose: async () => undefined },
			folder,
			decodeImage
		});
		submit.mockClear();
		for await (const event of model.answer({
			projector: 'linear',
			turns: [{ question: 'Why?', images: [] }],
			sampling: { ...greedy, max_new_tokens: 2 }
		}))
			if (event.type === 'done') expect(event.result.backend).toBe(name);
		if (name === 'webgpu') expect(submit.mock.calls.length).toBeGreaterThan(2);
		else expect(submit).not.toHaveBeenCalled();
		submit.mockRestore();
		await model.dispose();
	});

	it.each(goldenCheckpoints)('%s matches upstream in every case', async (checkpoint) => {
		const folder = await openModelFolder(memoryFolder(checkpoint, await convertGolden(checkpoint)));
		const model = await HoneybeeModel.load({
			// The device outlives this model.
			backend: { ...backend, dispose: async () => undefined },
			folder,
			decodeImage
		});
		const golden = await fetchGolden(checkpoint);
		expect(Object.keys(golden.cases)).toContain('main');
		for (const [caseName, goldenCase] of Object.entries(golden.cases)) {
			const { input_ids, generated_ids } = goldenCase;
			const recorder = new TraceRecorder();
			const request = await goldenRequest(folder.manifest, goldenCase);
			let result: AnswerResult | undefined;
			for await (const event of model.answer(request, { recorder }))
				if (event.type === 'done') result = event.result;
			const where = `${checkpoint} ${caseName} on ${name}`;
			expect(result?.prompt_ids, `${where}: prompt ids`).toEqual(input_ids);
			const comparison = compareTensors(recorder.trace, golden.tensors[caseName]!, tolerance[name]);
			expect(comparison.failures, `${where}, all differences:\n${comparison.report}`).toEqual([]);
			expect(result?.ids, `${where}: greedy ids`).toEqual(generated_ids);
			console.info(`${where}: largest difference ${comparison.report.split('\n')[0]}`);
		}
		await model.dispose();
		expect(failures).toEqual([]);
	});
});

it('4 bits on WASM are multiplied in 8 bits, near what is stored', async () => {
	const { cases } = await fetchGolden('c-abs');
	const logits = async (int8: boolean) => {
		const backend = await createWasmBackend('asked for by the test', int8 ? 'wasm-int8' : 'wasm');
		expect(backend.info.backend).toBe(int8 ? 'wasm-int8' : 'wasm');
		const folder = await openModelFolder(memoryFolder('c-abs', await convertGolden('c-abs', 'q4')));
		const model = await HoneybeeModel.load({ backend, folder, decodeImage });
		const recorder = new TraceRecorder(['logits']);
		const request = await goldenRequest(folder.manifest, cases['main']!);
		for await (const event of model.answer(request, { recorder }))
			if (event.type === 'done') expect(event.result.ids.length).toBeGreaterThan(0);
		await model.dispose();
		return recorder.trace['logits']!;
	};
	const [stored, int8] = [await logits(false), await logits(true)];
	const { error, problem } = difference('logits', int8, stored);
	expect(problem).toBeUndefined();
	console.info(`4 bits in 8 bits: logits differ by ${error.toExponential(2)}`);
	expect(error).toBeLessThan(0.1);
	expect(error).toBeGreaterThan(1e-5);
});

import { expect, it, vi } from 'vitest';
import { memoryFolder } from '../../src/lib/checkpoint/memory.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { greedy } from '../../src/lib/model/runtime/sampling.ts';
import { fetchAtlas, sceneImage } from '../browser/embedded/scenes.ts';
import { answerOf, embeddedFiles, halfTypes, loadOn, type SeenRun } from './support.ts';

/** Bytes of weights per language graph, so that four layers become several graphs. */
const PER_GRAPH = { fp16: 1e6, q4f16: 3.5e5 } as const;

it.each(halfTypes)(
	'%s in several graphs: hidden states and cache stay on the GPU, and only logits come back',
	async (dtype) => {
		const open = async (options?: { languageLimit: number }) =>
			openModelFolder(memoryFolder('honeybee-mini', await embeddedFiles(dtype, options)));
		const folder = await open({ languageLimit: PER_GRAPH[dtype] });
		const { graphs, kv_dtype, config } = folder.manifest;
		expect(graphs.language.length).toBeGreaterThan(2);
		expect(kv_dtype).toBe('float16');
		const whole = await loadOn('webgpu', await open());
		const seen: SeenRun[] = [];
		const model = await loadOn('webgpu', folder, seen);
		const image = sceneImage(await fetchAtlas(), 3);
		const sampling = { ...greedy, max_new_tokens: 8 };
		const common = { projector: 'c-abs', tokens: 36, sampling };
		const first = { question: 'Describe the image.', images: [image] };

		const one = await answerOf(model, { ...common, turns: [first] });
		expect(one.prompt_ids.length).toBeGreaterThan(36);
		expect(one.ids).toEqual((await answerOf(whole, { ...common, turns: [first] })).ids);

		// A second turn takes the first one's positions from the cache.
		const turns = [
			{ ...first, answer: one.text, answer_ids: one.ids },
			{ question: 'Is there a car?', images: [] }
		];
		const two = await answerOf(model, { ...common, turns });
		expect(two.cached_positions).toBe(one.prompt_ids.length + one.ids.length - 1);
		expect(two.ids).toEqual((await answerOf(whole, { ...common, turns })).ids);
		// What follows a cut cache is what follows no cache.
		const again = await answerOf(model, { ...common, turns: [first] });
		expect(again.cached_positions).toBe(one.prompt_ids.length - 1);
		expect(again.ids).toEqual(one.ids);

		const language = new Set(graphs.language.map(({ graph }) => graph));
		const runs = seen.filter(({ graph }) => language.has(graph));
		expect(runs.length).toBeGreaterThan(3 * graphs.language.length);
		for (const { graph, locations } of runs)
			for (const [name, location] of Object.entries(locations))
				expect(location, `${name} of ${graph}`).toBe(name === 'logits' ? 'cpu' : 'gpu-buffer');
		const cuts = seen.filter(({ graph }) => graph === graphs.cache.graph);
		expect(cuts.length).toBeGreaterThan(0);
		for (const { locations } of cuts) expect(Object.values(locations)).not.toContain('cpu');

		// An operator that fell back to the processor would read its inputs from the GPU.
		const read: number[] = [];
		const original = GPUBuffer.prototype.mapAsync;
		const mapAsync = vi.spyOn(GPUBuffer.prototype, 'mapAsync').mockImplementation(function (
			this: GPUBuffer,
			...args
		) {
			if (args[0] & GPUMapMode.READ) read.push(this.size);
			return original.apply(this, args);
		});
		let steps = 0;
		try {
			for await (const event of model.answer({ ...common, turns: [first] }))
				if (event.type === 'token') steps++;
		} finally {
			mapAsync.mockRestore();
		}
		console.info(`${dtype}: read from the GPU in ${steps} steps: ${read.join(', ')} bytes`);
		expect(steps).toBeGreaterThan(1);
		const logits = config.text_config.vocab_size * 4;
		// One reading of logits for the prompt and one for each token that was put in.
		expect(read.length).toBeLessThanOrEqual(steps + 1);
		for (const bytes of read) expect(bytes).toBeLessThanOrEqual(Math.ceil(logits / 256) * 256);
		await model.dispose();
		await whole.dispose();
	}
);

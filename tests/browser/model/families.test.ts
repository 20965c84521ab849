import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryFolder, memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import type { SourceFolder } from '../../../src/lib/checkpoint/source.ts';
import { decodeImage } from '../../../src/lib/browser/decode-image.ts';
import { families } from '../../../src/lib/model/families/registry.ts';
import type { Backend } from '../../../src/lib/model/runtime/backend.ts';
import { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { TraceRecorder } from '../../../src/lib/model/runtime/trace-recorder.ts';
import type { AnswerResult } from '../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { createWasmBackend, createWebGpuBackend } from '../../../src/workers/model/web-backend.ts';
import { compareTensors, tolerance } from '../../support/compare.ts';
import { isTable, namedAsGolden } from '../../support/golden-names.ts';
import { turnsOf, type GoldenCase } from '../../support/golden-turns.ts';
import { convertFolder, goldenImage } from './converted.ts';

const urls = import.meta.glob<string>('../../fixtures/families/**/*.{json,jinja,bin,safetensors,model,txt}', {
	query: '?url',
	import: 'default',
	eager: true
});
const home = '../../fixtures/families/';

interface Golden {
	readonly config_dir: string;
	readonly tower_dir?: string;
	readonly tokenizer_dir?: string;
	readonly cases: Readonly<Record<string, GoldenCase>>;
}

async function fixture(path: string): Promise<Uint8Array> {
	const url = urls[home + path];
	if (!url) throw new Error(`There is no fixture ${path}.`);
	return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

async function folderOf(path: string): Promise<SourceFolder> {
	const prefix = `${home}${path}/`;
	const files: Record<string, Uint8Array> = {};
	for (const url of Object.keys(urls))
		if (url.startsWith(prefix)) files[url.slice(prefix.length)] = await fixture(url.slice(home.length));
	return memoryFolder(path, files);
}

async function tensorsOf(set: string): Promise<Record<string, Record<string, Tensor>>> {
	const file = await openSafetensors(memorySource(set, await fixture(`${set}/golden.safetensors`)));
	const tensors: Record<string, Record<string, Tensor>> = {};
	for (const full of file.entries.keys()) {
		const dot = full.indexOf('.');
		const name = full.slice(dot + 1);
		if (!isTable(name)) (tensors[full.slice(0, dot)] ??= {})[name] = await file.read(full);
	}
	return tensors;
}

const backends = {
	wasm: () => createWasmBackend('asked for by the test'),
	webgpu: () => createWebGpuBackend({ reason: 'asked for by the test', onFailure: () => undefined })
};

/** Every tensor and greedy id of the families' checkpoints, converted and run in this browser. */
describe.each(['wasm', 'webgpu'] as const)('families on %s', (name) => {
	let backend: Backend;
	beforeAll(async () => {
		backend = await backends[name]();
	});
	afterAll(() => backend.dispose());

	it.each(families.flatMap(({ goldens }) => goldens))('%s matches its reference', async (set) => {
		const golden = JSON.parse(new TextDecoder().decode(await fixture(`${set}/golden.json`))) as Golden;
		const { tower_dir: tower, tokenizer_dir: tokenizer } = golden;
		const files = await convertFolder(await folderOf(`${set}/${golden.config_dir}`), 'fp32', {
			...(tokenizer !== undefined && { tokenizer: await folderOf(`${set}/${tokenizer}`) }),
			resolve: async () => (tower === undefined ? undefined : folderOf(`${set}/${tower}`))
		});
		const model = await HoneybeeModel.load({
			// The device outlives this model.
			backend: { ...backend, dispose: async () => undefined },
			folder: await openModelFolder(memoryFolder(set, files)),
			decodeImage
		});
		const tensors = await tensorsOf(set);
		for (const [caseName, example] of Object.entries(golden.cases)) {
			const { prompt, images, input_ids, generated_ids, num_visual_tokens: M } = example;
			// Other settings of pictures than the folder's, or nothing that a backend changes.
			if (example.image_kwargs || example.node_only) continue;
			const recorder = new TraceRecorder();
			const pictures = await Promise.all(
				images.map(async (image) => ({ id: image, name: image, bytes: await goldenImage(image) }))
			);
			const turns = turnsOf(example, pictures);
			let result: AnswerResult | undefined;
			for await (const event of model.answer(
				{
					projector: Object.keys(model.manifest.projectors)[0]!,
					turns: turns ?? [{ question: '', images: pictures }],
					...(!turns && { raw_prompt: prompt }),
					sampling: { ...greedy, max_new_tokens: 20 },
					...(M && images.length > 0 && { tokens: M })
				},
				{ recorder }
			))
				if (event.type === 'done') result = event.result;
			const where = `${set} ${caseName} on ${name}`;
			expect(result?.prompt_ids, `${where}: prompt ids`).toEqual(input_ids);
			const comparison = compareTensors(
				namedAsGolden(recorder.trace, tensors[caseName] ?? {}),
				tensors[caseName] ?? {},
				tolerance[name]
			);
			expect(comparison.failures, `${where}, all differences:\n${comparison.report}`).toEqual([]);
			expect(result?.ids, `${where}: greedy ids`).toEqual(generated_ids);
			console.info(`${where}: largest difference ${comparison.report.split('\n')[0]}`);
		}
		await model.dispose();
	});
});

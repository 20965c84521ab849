import { timedAnswer } from '../../../../src/cli/bench/peer-generation.ts';
import { greedy } from '../../../../src/lib/model/runtime/sampling.ts';
import type { WasmBackendName } from '../../../../src/lib/model/runtime/types.ts';
import { ModelClient } from '../../../../src/workers/model/client.ts';
import type { Answered, VlmRun, VlmTask } from '../results.ts';
import { around } from './around.ts';
import { fromThisServer } from '../../../support/peer-page.ts';

declare global {
	interface Window {
		/** Called by `../vlm.ts`. */
		vlm: typeof vlm;
	}
}

const at = (path: string) => new URL(path, location.href).href;
const fetched = async (path: string) => new Uint8Array(await (await fetch(at(path))).arrayBuffer());

async function bothPictures(
	{ pictures }: VlmTask,
	answer: (bytes: Uint8Array<ArrayBuffer>, name: string) => Promise<Answered>
): Promise<VlmRun['answers']> {
	const [first, second] = pictures;
	const cold = await answer(await fetched(first), first);
	return [cold, await answer(await fetched(second), second)];
}

/** The model in its worker, by way of the client that the workbench uses. */
async function ours(backend: WasmBackendName, folder: string, task: VlmTask): Promise<VlmRun> {
	const client = new ModelClient();
	const begin = performance.now();
	const { manifest } = await client.load({ location: { kind: 'url', url: at(folder) }, backend });
	const load_ms = performance.now() - begin;
	const [projector = ''] = Object.keys(manifest.projectors);
	const answers = await bothPictures(task, async (bytes, name) => {
		const at_ms: number[] = [];
		const start = performance.now();
		const request = {
			projector,
			turns: [{ question: task.question, images: [{ id: name, name, bytes }] }],
			sampling: { ...greedy, max_new_tokens: task.new_tokens },
			cold: true
		};
		let inputs = 0;
		for await (const event of client.answer(request)) {
			if (event.type === 'stage') inputs ||= performance.now() - start;
			else if (event.type === 'token') at_ms.push(performance.now() - start);
			else {
				const { ids, prompt_ids, timings_ms } = event.result;
				if (ids.length < task.new_tokens)
					throw new Error(`The answer ended after ${ids.length} of ${task.new_tokens} tokens.`);
				const { vision, projector, prefill, decode } = timings_ms;
				const parts_ms = { input: inputs, vision: vision + projector, prefill, decode };
				return { ids, prompt_tokens: prompt_ids.length, at_ms, parts_ms };
			}
		}
		throw new Error('The answer ended before it was whole.');
	});
	client.dispose();
	return { load_ms, answers };
}

/** A model of transformers.js as far as its sessions go. */
interface Session {
	run(...args: readonly unknown[]): Promise<unknown>;
}

/** The same shapes in transformers.js, asked as its documentation does. */
async function transformers(dtype: 'fp32' | 'q8' | 'q4', task: VlmTask): Promise<VlmRun> {
	const library = await import('@huggingface/transformers');
	const { AutoModelForImageTextToText, AutoProcessor, RawImage, env } = library;
	fromThisServer(env);
	env.backends.onnx.wasm!.numThreads = navigator.hardwareConcurrency;
	const begin = performance.now();
	const processor = await AutoProcessor.from_pretrained('peer');
	const model = await AutoModelForImageTextToText.from_pretrained('peer', { device: 'wasm', dtype });
	const load_ms = performance.now() - begin;
	const sessions = model.sessions as Readonly<Record<string, Session>>;
	const runs = Object.fromEntries(
		Object.entries(sessions).map(([name, session]) => {
			const times: number[] = [];
			const run = session.run.bind(session);
			session.run = async (...args) => {
				const start = performance.now();
				const outputs = await run(...args);
				times.push(performance.now() - start);
				return outputs;
			};
			return [name, times];
		})
	);
	const sum = (times: readonly number[] = []) => times.reduce((a, b) => a + b, 0);
	const answers = await bothPictures(task, async (bytes) => {
		for (const times of Object.values(runs)) times.length = 0;
		const start = performance.now();
		const image = await RawImage.fromBlob(new Blob([bytes]));
		const inputs = (await processor(task.prompt, [image])) as Parameters<typeof timedAnswer>[2];
		const input = performance.now() - start;
		const { ids, at_ms } = await timedAnswer(library, model, inputs, task.new_tokens, start);
		const [prefill = 0, ...decode] = runs.decoder_model_merged ?? [];
		return {
			ids,
			prompt_tokens: inputs.input_ids.dims[1]!,
			at_ms,
			parts_ms: { input, vision: sum(runs.vision_encoder), prefill, decode: sum(decode) }
		};
	});
	return { load_ms, answers };
}

const vlm = {
	ours,
	transformers,
	around: (folder: string, task: VlmTask) => around(at(folder), task, () => fetched(task.pictures[1]))
};
window.vlm = vlm;

import { timedGeneration } from '../../../../src/cli/bench/peer-generation.ts';
import type { Continuation, Continued, LmRun, LmTask } from '../results.ts';
import type { OursRequest } from './ours.worker.ts';
import { fromThisServer } from '../../../support/peer-page.ts';

declare global {
	interface Window {
		/** Called by `../lm.ts`. */
		lm: typeof lm;
	}
}

const at = (path: string) => new URL(path, location.href).href;

async function ours(backend: OursRequest['backend'], folder: string, task: LmTask): Promise<LmRun> {
	const worker = new Worker(new URL('./ours.worker.ts', import.meta.url), { type: 'module' });
	try {
		return await new Promise((done, failed) => {
			worker.onmessage = ({ data }: MessageEvent<{ run?: LmRun; error?: string }>) =>
				data.run ? done(data.run) : failed(new Error(data.error));
			worker.onerror = ({ message }) => failed(new Error(message));
			worker.postMessage({ backend, url: at(folder), task } satisfies OursRequest);
		});
	} finally {
		worker.terminate();
	}
}

/** @param shards weight files beside the graph of `peer/` */
async function transformers(task: LmTask, shards: readonly string[]): Promise<LmRun> {
	const library = await import('@huggingface/transformers');
	const { AutoModelForCausalLM, env } = library;
	fromThisServer(env);
	env.backends.onnx.wasm!.numThreads = navigator.hardwareConcurrency;
	const begin = performance.now();
	const model = await AutoModelForCausalLM.from_pretrained('peer', {
		device: 'wasm',
		dtype: 'fp32',
		session_options: { externalData: shards.map((path) => ({ path, data: `onnx/${path}` })) }
	});
	const load_ms = performance.now() - begin;
	const continued = ({ prompt_ids, new_tokens }: Continuation) =>
		timedGeneration(library, model, BigInt64Array.from(prompt_ids, BigInt), new_tokens);
	return measured(load_ms, task, continued);
}

/** What is used of @wllama/wllama 3.13, which need not be installed. */
interface Wllama {
	loadModel(files: readonly Blob[], options: object): Promise<void>;
	createCompletion(options: {
		readonly prompt: string;
		readonly max_tokens: number;
		readonly temperature: number;
		readonly stream: true;
		readonly onData: (data: unknown) => void;
	}): Promise<void>;
}

async function wllama(task: LmTask): Promise<LmRun> {
	const address = at('/wllama/index.js');
	const { Wllama } = (await import(/* @vite-ignore */ address)) as {
		readonly Wllama: new (paths: Readonly<Record<string, string>>) => Wllama;
	};
	const model = new Wllama({ default: at('/wllama/wasm/wllama.wasm') });
	const begin = performance.now();
	const file = await (await fetch('/lm.gguf')).blob();
	await model.loadModel([file], { n_ctx: 2048, n_batch: 512, n_threads: navigator.hardwareConcurrency });
	const load_ms = performance.now() - begin;
	return measured(load_ms, task, async ({ prompt, new_tokens }) => {
		const at_ms: number[] = [];
		const start = performance.now();
		await model.createCompletion({
			prompt,
			max_tokens: new_tokens,
			temperature: 0,
			stream: true,
			onData: () => void at_ms.push(performance.now() - start)
		});
		return { ids: [], at_ms };
	});
}

async function measured(
	load_ms: number,
	task: LmTask,
	continued: (continuation: Continuation) => Promise<Continued>
): Promise<LmRun> {
	await continued(task.warm);
	const timed: Continued[] = [];
	for (const continuation of task.timed) timed.push(await continued(continuation));
	return { load_ms, timed };
}

const lm = { ours, transformers, wllama };
window.lm = lm;

import { dirname } from 'node:path';
import * as ort from 'onnxruntime-node';
import { LanguageModel } from '../../lib/model/runtime/language.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import { openFolder } from '../io/disk.ts';
import { hashOnDisk } from '../hash-on-disk.ts';
import { createNodeBackend } from '../node-backend.ts';
import { timedGeneration } from './peer-generation.ts';
import { peakMemory } from './peak-memory.ts';

/** Text generation of fixed length: every subject gets the same ids and runs the same weights greedily. */
export interface GenerationTask {
	/** Model folder, or the folder written by `writePeerFolder`. */
	readonly folder: string;
	readonly prompt_ids: readonly number[];
	readonly new_tokens: number;
	/** Generations in one process; the first one counts as cold, the others as warm. */
	readonly repeats: number;
	readonly text_config: {
		readonly num_hidden_layers: number;
		readonly num_key_value_heads: number;
		readonly head_dim: number;
	};
}

/** Milliseconds from the call to each new token. */
interface Generation {
	readonly ids: readonly number[];
	readonly at_ms: readonly number[];
}

export interface GenerationResult {
	readonly load_ms: number;
	readonly generations: readonly Generation[];
	readonly peak_memory: number;
}

interface Subject {
	readonly title: string;
	/** Loads, and returns what generates once. */
	load(task: GenerationTask): Promise<() => Promise<Generation>>;
}

const honeybee: Subject = {
	title: 'honeybee',
	async load({ folder, prompt_ids, new_tokens }) {
		const source = await openFolder(folder);
		const files = await openModelFolder(source, { hashInPlace: hashOnDisk(folder) });
		const model = await LanguageModel.load(createNodeBackend(folder), files);
		await source.close();
		return () => {
			model.cache.clear();
			return generate(new_tokens, prompt_ids, async (ids) => model.append(await model.embed(ids), ids));
		};
	}
};

const onnxruntime: Subject = {
	title: 'onnxruntime-node alone',
	async load({ folder, prompt_ids, new_tokens, text_config }) {
		const session = await ort.InferenceSession.create(folder, { logSeverityLevel: 3 });
		const { num_hidden_layers, num_key_value_heads, head_dim } = text_config;
		const names = Array.from({ length: num_hidden_layers }, (_, i) => [`${i}.key`, `${i}.value`]).flat();
		const int64 = (values: readonly number[]) =>
			new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
		return () => {
			let length = 0;
			let cache: Record<string, ort.Tensor> = {};
			for (const name of names)
				cache[`past_key_values.${name}`] = new ort.Tensor('float32', new Float32Array(0), [
					1,
					num_key_value_heads,
					0,
					head_dim
				]);
			return generate(new_tokens, prompt_ids, async (ids) => {
				const feeds: Record<string, ort.Tensor> = {
					...cache,
					input_ids: int64(ids),
					attention_mask: int64(Array.from({ length: length + ids.length }, () => 1))
				};
				if (session.inputNames.includes('position_ids'))
					feeds.position_ids = int64(ids.map((_, i) => length + i));
				const outputs = await session.run(feeds);
				length += ids.length;
				cache = Object.fromEntries(
					names.map((name) => [`past_key_values.${name}`, outputs[`present.${name}`]!])
				);
				return outputs.logits!.data as Float32Array;
			});
		};
	}
};

const transformers: Subject = {
	title: 'transformers.js',
	async load({ folder, prompt_ids, new_tokens }) {
		const library = await import('@huggingface/transformers');
		const { AutoModelForCausalLM, env } = library;
		env.allowRemoteModels = false;
		env.localModelPath = dirname(folder);
		const model = await AutoModelForCausalLM.from_pretrained('model', { device: 'cpu', dtype: 'fp32' });
		const ids = BigInt64Array.from(prompt_ids, BigInt);
		return () => timedGeneration(library, model, ids, new_tokens);
	}
};

export const subjects = { honeybee, onnxruntime, transformers } as const;
export type SubjectName = keyof typeof subjects;

/** Runs in a process of its own, so that its peak memory is that of one subject. */
export async function measureGeneration(name: SubjectName, task: GenerationTask): Promise<GenerationResult> {
	const begin = performance.now();
	const run = await subjects[name].load(task);
	const load_ms = performance.now() - begin;
	const generations: Generation[] = [];
	for (let i = 0; i < task.repeats; i++) generations.push(await run());
	return { load_ms, generations, peak_memory: peakMemory() ?? 0 };
}

/** Greedy generation by a function that appends ids and gives the logits of the last one. */
async function generate(
	count: number,
	prompt: readonly number[],
	append: (ids: readonly number[]) => Promise<Float32Array>
): Promise<Generation> {
	const begin = performance.now();
	const ids: number[] = [];
	const at_ms: number[] = [];
	let logits = await append(prompt);
	for (;;) {
		let best = 0;
		for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
		ids.push(best);
		at_ms.push(performance.now() - begin);
		if (ids.length === count) return { ids, at_ms };
		logits = await append([best]);
	}
}

import { copyFile, link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import { mergedGraph } from './merged-graph.ts';

/** A model folder's language model in the layout that transformers.js reads. */
export interface PeerFolder {
	/** Folder that `path` lies in, and its name there. */
	readonly parent: string;
	readonly name: string;
	readonly graph: string;
	/** Weight files beside the graph. */
	readonly shards: readonly string[];
	remove(): Promise<void>;
}

export async function writePeerFolder(root: string, manifest: ModelManifest): Promise<PeerFolder> {
	const { embedding, language } = manifest.graphs;
	const parent = await mkdtemp(join(tmpdir(), 'honeybee-bench-'));
	const folder = join(parent, 'model');
	const onnx = join(folder, 'onnx');
	await mkdir(onnx, { recursive: true });
	const merged = mergedGraph(
		await readFile(join(root, embedding.graph)),
		await Promise.all(language.map(({ graph }) => readFile(join(root, graph)))),
		{ ...manifest.config.text_config, kv_dtype: manifest.kv_dtype }
	);
	const graph = join(onnx, 'model.onnx');
	await writeFile(graph, merged);
	const shards = [embedding, ...language].flatMap(({ weights }) => weights);
	for (const shard of new Set(shards)) await linkOrCopy(join(root, shard), join(onnx, shard));
	const text = manifest.config.text_config;
	const config = { ...text, model_type: 'llama', architectures: ['LlamaForCausalLM'] };
	await writeFile(join(folder, 'config.json'), JSON.stringify(config));
	await writeFile(join(folder, 'generation_config.json'), '{}');
	return {
		parent,
		name: 'model',
		graph,
		shards: [...new Set(shards)],
		remove: () => rm(parent, { recursive: true, force: true })
	};
}

async function linkOrCopy(from: string, to: string): Promise<void> {
	await link(from, to).catch(() => copyFile(from, to));
}

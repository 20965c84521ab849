import { copyFile, link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../../lib/tensor/errors.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import { mergedGraph } from './merged-graph.ts';

/** A model folder's language model in the layout that transformers.js reads. */
export interface PeerFolder {
	/** Folder that `path` lies in, and its name there. */
	readonly parent: string;
	readonly name: string;
	readonly graph: string;
	remove(): Promise<void>;
}

export async function writePeerFolder(root: string, manifest: ModelManifest): Promise<PeerFolder> {
	const { embedding, language } = manifest.graphs;
	if (manifest.kv_dtype !== 'float32' || language.length !== 1)
		throw new InputError('Peers are compared on fp32 and q4 models in one part; leave --peers out.');
	const parent = await mkdtemp(join(tmpdir(), 'honeybee-bench-'));
	const folder = join(parent, 'model');
	const onnx = join(folder, 'onnx');
	await mkdir(onnx, { recursive: true });
	const [first] = language;
	const merged = mergedGraph(
		await readFile(join(root, embedding.graph)),
		await readFile(join(root, first!.graph)),
		manifest.config.text_config
	);
	const graph = join(onnx, 'model.onnx');
	await writeFile(graph, merged);
	for (const shard of [...embedding.weights, ...first!.weights])
		await linkOrCopy(join(root, shard), join(onnx, shard));
	const text = manifest.config.text_config;
	const config = { ...text, model_type: 'llama', architectures: ['LlamaForCausalLM'] };
	await writeFile(join(folder, 'config.json'), JSON.stringify(config));
	await writeFile(join(folder, 'generation_config.json'), '{}');
	return {
		parent,
		name: 'model',
		graph,
		remove: () => rm(parent, { recursive: true, force: true })
	};
}

async function linkOrCopy(from: string, to: string): Promise<void> {
	await link(from, to).catch(() => copyFile(from, to));
}

import * as ort from 'onnxruntime-node';
import { planShards } from '../../src/lib/model/convert/shards.ts';
import { gradientGraph, type GradientOf } from '../../src/lib/onnx/gradient.ts';
import type { Graph } from '../../src/lib/onnx/graph.ts';
import type { WeightLocation } from '../../src/lib/onnx/types.ts';
import type { GraphBytes } from '../../src/lib/model/runtime/graph-bytes.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A graph as it lies in a model folder: the model and the files of its weights. */
export async function writeGraph(graph: Graph): Promise<GraphBytes> {
	const locations = new Map<string, WeightLocation>();
	const weights: { path: string; data: Uint8Array }[] = [];
	for (const shard of planShards(graph.name, graph.weights)) {
		const parts: Uint8Array[] = [shard.header];
		for (const { weight, byteLength } of shard.entries)
			if (weight) for await (const piece of weight.pieces()) parts.push(piece.slice());
			else parts.push(new Uint8Array(byteLength));
		weights.push({ path: shard.path, data: Buffer.concat(parts) });
		for (const [name, location] of shard.locations) locations.set(name, location);
	}
	return { graph: graph.serialize((weight) => locations.get(weight.name)!), weights };
}

/** Opens a graph in onnxruntime-node, from a temporary folder. */
export async function openBytes({ graph, weights }: GraphBytes): Promise<ort.InferenceSession> {
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-graph-'));
	try {
		for (const { path, data } of weights) await writeFile(join(folder, path), data);
		const path = join(folder, 'graph.onnx');
		await writeFile(path, graph);
		return await ort.InferenceSession.create(path);
	} finally {
		await rm(folder, { recursive: true });
	}
}

export const openGraph = async (graph: Graph): Promise<ort.InferenceSession> =>
	openBytes(await writeGraph(graph));

export const float32 = (dims: readonly number[], data: Float32Array) =>
	new ort.Tensor('float32', data, [...dims]);
export const int64 = (values: readonly number[], dims = [values.length]) =>
	new ort.Tensor('int64', BigInt64Array.from(values, BigInt), dims);
export const int32 = (values: readonly number[]) =>
	new ort.Tensor('int32', Int32Array.from(values), [values.length]);

/** The products vectorᵀ · ∂of/∂by of a graph as its output `products`, for its input `vectors` [vector, …]. */
export const productsGraph = (
	graph: Uint8Array,
	wanted: Pick<GradientOf, 'of' | 'by' | 'inputs'>
): Uint8Array =>
	gradientGraph(graph, {
		...wanted,
		vectors: (g, dims) => g.input('vectors', 'float32', ['vector', ...dims]),
		results: (g, products, dims) => g.output('products', products, ['vector', ...dims])
	});

/** max|a − b| / max|b| */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
	if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
	let difference = 0;
	let size = 0;
	for (let i = 0; i < b.length; i++) {
		difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
		size = Math.max(size, Math.abs(b[i]!));
	}
	return difference / size;
}

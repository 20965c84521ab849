import type { Graph } from '../../onnx/graph.ts';
import type { GraphFiles } from '../manifest.ts';
import { planShards, type Shard } from './shards.ts';

/** A graph with the files it becomes. */
export interface Part {
	readonly graph: Graph;
	readonly path: string;
	readonly shards: readonly Shard[];
}

export function graphPart(graph: Graph, stem: string): Part {
	return { graph, path: `${stem}.onnx`, shards: planShards(stem, graph.weights) };
}

/** A graph whose weights lie in shards of other parts; it has those of them that it needs. */
export function sharedPart(graph: Graph, stem: string, shards: readonly Shard[]): Part {
	const names = new Set(graph.weights.map(({ name }) => name));
	const needed = shards.filter(({ locations }) => [...locations.keys()].some((name) => names.delete(name)));
	return { graph, path: `${stem}.onnx`, shards: needed };
}

export function graphFiles({ path, shards }: Part): GraphFiles {
	return { graph: path, weights: shards.map((shard) => shard.path) };
}

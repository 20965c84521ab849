import type { SessionRequest } from './backend.ts';

export interface ExternalFile {
	readonly path: string;
	readonly data: Uint8Array;
}

/** A graph with its weights, in memory. */
export interface GraphBytes {
	readonly graph: Uint8Array;
	/** The files its weights lie in. */
	readonly weights: readonly ExternalFile[];
}

/** The graph that a session is asked for, rewritten as asked, with its weights. @throws as `folder.read` */
export async function readGraph({
	folder,
	files,
	onBytes,
	rewrite = (graph) => graph
}: SessionRequest): Promise<GraphBytes> {
	const graph = rewrite(await folder.read(files.graph, onBytes));
	const weights: ExternalFile[] = [];
	for (const path of files.weights)
		weights.push({ path: path.slice(path.lastIndexOf('/') + 1), data: await folder.read(path, onBytes) });
	return { graph, weights };
}

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

/** The graph that a session is asked for, rewritten as asked, without its weights. @throws as `folder.read` */
export async function readGraphAlone({
	folder,
	files,
	onBytes,
	rewrite = (graph) => graph
}: SessionRequest): Promise<Uint8Array> {
	return rewrite(await folder.read(files.graph, onBytes));
}

/** A graph that was read, with its weights. @throws as `folder.read` */
export async function withWeights(
	graph: Uint8Array,
	{ folder, files, onBytes }: SessionRequest
): Promise<GraphBytes> {
	const weights: ExternalFile[] = [];
	for (const path of files.weights)
		weights.push({ path: nameInGraph(path), data: await folder.read(path, onBytes) });
	return { graph, weights };
}

/** What a graph calls a file of its weights, which lies beside it. */
export function nameInGraph(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}

/** Both. @throws as `folder.read` */
export async function readGraph(request: SessionRequest): Promise<GraphBytes> {
	return withWeights(await readGraphAlone(request), request);
}

/** A graph with its weights, where they lie. */
export interface GraphInPlace {
	readonly graph: Uint8Array;
	readonly weights: readonly { readonly path: string; readonly data: Uint8Array | Blob }[];
}

/** The graph that a session is asked for, with its weights as Blobs where they may be. @throws as `folder.read` */
export async function readGraphInPlace(request: SessionRequest): Promise<GraphInPlace> {
	const { folder, files, onBytes } = request;
	const graph = await readGraphAlone(request);
	const weights: { path: string; data: Uint8Array | Blob }[] = [];
	for (const path of files.weights) {
		const data = (await folder.blob(path, onBytes)) ?? (await folder.read(path, onBytes));
		weights.push({ path: nameInGraph(path), data });
	}
	return { graph, weights };
}

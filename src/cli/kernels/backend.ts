import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { gigabytes } from '../../lib/bytes/sizes.ts';
import { cachedShare } from '../../lib/model/decoder/cached.ts';
import { DecoderKernels, leftSince } from '../../lib/model/decoder/open.ts';
import { NotPlanned, planGraph } from '../../lib/model/decoder/plan.ts';
import { threadsFor } from '../../lib/model/decoder/thread.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import type { Backend } from '../../lib/model/runtime/backend.ts';
import { readGraphAlone } from '../../lib/model/runtime/graph-bytes.ts';
import { LEAST_CONTEXT, WORKING_MEMORY } from '../../lib/model/runtime/room.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { createInt8NodeBackend, isNarrow } from '../node-backend.ts';
import { startKernelThread } from './threads.ts';

/** What the kernels' addresses of 32 bits reach. */
const MEMORY = 2 ** 32;

/**
 * Node in 8 bits (`createInt8NodeBackend`) with a language model in 4 bits computed by the kernels that the browser has (`lib/model/decoder`). A
 * language model that they do not know, or that is too large for them, is Node's in 8 bits, under that name and with the reason.
 */
export async function createQ4NodeBackend(
	root: string,
	manifest: ModelManifest,
	threads = isNarrow(manifest) ? 1 : threadsFor(availableParallelism())
): Promise<Backend> {
	const runtime = await createInt8NodeBackend(root);
	const { info } = runtime;
	const left = (why: string): Backend => ({
		...runtime,
		info: { ...info, reason: `${info.reason} ${why.charAt(0).toUpperCase()}${why.slice(1)}.` }
	});
	const { most, positions, refusal } = contextFor(manifest);
	const why = refusal ?? (await unknownGraph(root, manifest, info.backend));
	if (why !== undefined) return left(why);
	const decoder = await DecoderKernels.start(ort.Tensor, threads, startKernelThread);
	if (decoder.leftToRuntime) return left(decoder.words!(info.backend));
	return {
		...runtime,
		get info() {
			const words = decoder.words?.('node-q4');
			const description = words === undefined ? info.description : `${info.description}; ${words}`;
			return { ...info, backend: 'node-q4' as const, description };
		},
		...(positions < most && { context: positions }),
		async createSession(request) {
			const { graph } = request.files;
			if (!manifest.graphs.language.some((part) => part.graph === graph))
				return runtime.createSession(request);
			const session = await decoder.session(request, await readGraphAlone(request));
			// Its graph is known, so it is the files beside it.
			if (!session)
				throw new InputError(
					`The weights of ${graph} in ${request.folder.name} are not those its operators take; convert the checkpoint again.`
				);
			return session;
		},
		async dispose() {
			decoder.dispose();
			await runtime.dispose();
		}
	};
}

/** Why the kernels do not compute this language model; undefined where they do, or where a graph is not there to be read, which loading tells. */
async function unknownGraph(
	root: string,
	{ graphs }: ModelManifest,
	runtime: string
): Promise<string | undefined> {
	for (const { graph } of graphs.language) {
		const bytes = await readFile(join(root, graph)).catch(() => undefined);
		try {
			if (bytes) planGraph(bytes);
		} catch (error) {
			if (error instanceof NotPlanned) return leftSince(runtime, error);
		}
	}
	return undefined;
}

/** Positions that the kernels' memory has room for beside the weights, and that the model was made for; why they are too few for it. */
export function contextFor({ graphs, files, memory, kv_dtype, config }: ModelManifest): {
	readonly positions: number;
	readonly most: number;
	readonly refusal?: string;
} {
	const { max_position_embeddings: most, head_dim } = config.text_config;
	const shards = new Set(graphs.language.flatMap(({ weights }) => weights));
	const weights = files.reduce((sum, { path, size }) => sum + (shards.has(path) ? size : 0), 0);
	const perPosition = memory.kv_per_token * cachedShare(kv_dtype, head_dim);
	// Of a cache that is doubled, the old one is there as well.
	const room = (MEMORY - weights - WORKING_MEMORY) / (2 * perPosition);
	const positions = Math.floor(Math.max(0, Math.min(most, room)));
	if (positions >= Math.min(LEAST_CONTEXT, most)) return { positions, most };
	const refusal = `language model by the runtime, since ${gigabytes(weights)} of weights and a cache are more than the ${gigabytes(MEMORY)} that the kernels for 4 bits can hold`;
	return { positions, most, refusal };
}

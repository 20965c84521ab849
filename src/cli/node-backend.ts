import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { ofBackend, type Backend, type Session, type SessionRequest } from '../lib/model/runtime/backend.ts';
import { readGraph } from '../lib/model/runtime/graph-bytes.ts';
import { int8IsExact } from '../lib/model/runtime/int8-check.ts';
import {
	activationsIn8Bits,
	hasInt8Products,
	int8Products,
	type Int8Options
} from '../lib/model/runtime/int8-products.ts';

/**
 * Width of the widest matrices up to which one thread computes: at the width of the embedded model (160) threads that wait for each
 * other take four times the processor's time and gain nothing.
 */
const NARROW = 512;

/** What Node in 8 bits makes anew: matrices in 8 bits, so that no processor's kernel can overflow. */
const INT8: Int8Options = { bits: 8, pairs: true };

/** onnxruntime-node on the CPU, as stored. Graphs are opened where they lie, so that weights are not read into JavaScript. */
export function createNodeBackend(root: string): Backend {
	const threads = cpus().length;
	return {
		info: {
			backend: 'node',
			description: `onnxruntime-node, up to ${threads} threads`,
			threads,
			software: false,
			reason: 'The command line runs on the processor.',
			shader_f16: false
		},
		Tensor: ort.Tensor,
		async createSession(request) {
			const { folder, files, onBytes, rewrite } = request;
			for (const path of [files.graph, ...files.weights]) await folder.check(path, onBytes);
			const options = optionsFor(request);
			const path = join(root, files.graph);
			const session = await ofBackend(
				rewrite
					? ort.InferenceSession.create(rewrite(await folder.read(files.graph)), {
							...options,
							// A graph from memory has no folder of its own that its weights could lie in.
							extra: { session: { model_external_initializers_file_folder_path: dirname(path) } }
						})
					: ort.InferenceSession.create(path, options)
			);
			return acceptingHalf(session);
		},
		openGraph: async (graph) =>
			acceptingHalf(
				await ofBackend(
					ort.InferenceSession.create(graph, { executionProviders: ['cpu'], logSeverityLevel: 3 })
				)
			),
		async dispose() {}
	};
}

/**
 * onnxruntime-node on the CPU, multiplying in 8 bits what is stored by blocks: in 8 bits, which is the vision tower of models in q4, as columns
 * (`int8Products`), for which it is read into memory; in 4 bits, which is their language model, as stored, with activations in 8 bits
 * (`activationsIn8Bits`). Everything is as stored, under that name, where the processor's kernels are not exact (`int8IsExact`).
 */
export async function createInt8NodeBackend(root: string): Promise<Backend> {
	const stored = createNodeBackend(root);
	const { info } = stored;
	if (!(await int8IsExact(stored)))
		return {
			...stored,
			info: {
				...info,
				reason: `${info.reason} Products in 8 bits come out wrong on this processor, so it multiplies as stored.`
			}
		};
	return {
		...stored,
		info: { ...info, backend: 'node-int8', description: `${info.description}; products in 8 bits checked` },
		async createSession(request) {
			const { folder, files, rewrite = (graph) => graph } = request;
			const asStored = await folder.read(files.graph);
			if (!hasInt8Products(asStored, INT8))
				return stored.createSession(
					hasInt8Products(asStored, { bits: 4 })
						? { ...request, rewrite: (bytes) => activationsIn8Bits(rewrite(bytes)) }
						: request
				);
			const { graph, weights } = int8Products(await readGraph(request), INT8);
			return acceptingHalf(
				await ofBackend(
					ort.InferenceSession.create(graph, { ...optionsFor(request), externalData: [...weights] })
				)
			);
		}
	};
}

function optionsFor({ folder }: SessionRequest): ort.InferenceSession.SessionOptions {
	const { text_config, vision_config } = folder.manifest.config;
	const narrow = Math.max(text_config.hidden_size, vision_config.hidden_size) <= NARROW;
	return {
		executionProviders: ['cpu'],
		...(narrow && { intraOpNumThreads: 1 }),
		// Warnings are about optimisations, not results.
		logSeverityLevel: 3
	};
}

/**
 * Where JavaScript has Float16Array, tensors of float16 hold one, and onnxruntime-node 1.30 reads that as empty ("not enough
 * space: expected …, got 0"). The same bits as a Uint16Array are read.
 */
function acceptingHalf(session: ort.InferenceSession): Session {
	return {
		inputNames: session.inputNames,
		outputNames: session.outputNames,
		async run(feeds, fetches) {
			for (const feed of Object.values(feeds)) {
				if (feed.type !== 'float16' || feed.data instanceof Uint16Array) continue;
				const { buffer, byteOffset, byteLength } = feed.data as ArrayBufferView;
				Object.defineProperty(feed, 'data', {
					value: new Uint16Array(buffer, byteOffset, byteLength / 2)
				});
			}
			return session.run(feeds, fetches);
		},
		release: () => session.release()
	};
}

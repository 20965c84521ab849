import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { ofBackend, type Backend, type Session } from '../lib/model/runtime/backend.ts';

/**
 * Width of the widest matrices up to which one thread computes: at the width of the embedded model (160) threads that wait for each
 * other take four times the processor's time and gain nothing.
 */
const NARROW = 512;

/** onnxruntime-node on the CPU. Graphs are opened where they lie, so that weights are not read into JavaScript. */
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
		async createSession({ folder, files, onBytes, rewrite }) {
			for (const path of [files.graph, ...files.weights]) await folder.check(path, onBytes);
			const { text_config, vision_config } = folder.manifest.config;
			const narrow = Math.max(text_config.hidden_size, vision_config.hidden_size) <= NARROW;
			const path = join(root, files.graph);
			const options: ort.InferenceSession.SessionOptions = {
				executionProviders: ['cpu'],
				...(narrow && { intraOpNumThreads: 1 }),
				// Warnings are about optimisations, not results.
				logSeverityLevel: 3
			};
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

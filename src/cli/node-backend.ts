import { cpus } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Backend } from '../lib/model/runtime/backend.ts';

/** onnxruntime-node on the CPU. Graphs are opened where they lie, so that weights are not read into JavaScript. */
export function createNodeBackend(root: string): Backend {
	const threads = cpus().length;
	return {
		info: {
			backend: 'node',
			description: `onnxruntime-node, ${threads} processors`,
			threads,
			software: false,
			reason: 'The command line runs on the processor.',
			shader_f16: false
		},
		Tensor: ort.Tensor,
		async createSession({ folder, files, onBytes }) {
			for (const path of [files.graph, ...files.weights]) await folder.check(path, onBytes);
			return ort.InferenceSession.create(join(root, files.graph), {
				executionProviders: ['cpu'],
				// Warnings are about optimisations, not results.
				logSeverityLevel: 3
			});
		},
		async dispose() {}
	};
}
export { hashOnDisk } from './hash-on-disk.ts';

import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Backend } from '../../src/lib/model/runtime/backend.ts';
import { DecoderKernels } from '../../src/lib/model/decoder/open.ts';
import { embeddingRows } from '../../src/lib/model/runtime/embedding-rows.ts';
import { startKernelThread } from '../../src/cli/kernels/threads.ts';
import { normsInParts } from '../../src/workers/model/norms-in-parts.ts';
import { startHeap, type WasmInstance, type WasmRuntime } from '../../src/workers/model/wasm-heap.ts';
import { readGraphAlone, withWeights } from '../../src/lib/model/runtime/graph-bytes.ts';
import { int8Products } from '../../src/lib/model/runtime/int8-products.ts';

const root = resolve(import.meta.dirname, '../..');
const href = (path: string) => pathToFileURL(path).href;

/**
 * The browser's runtime on WASM, in Node: one thread, the same WebAssembly, the same sessions.
 * @param kernels the decoder's own kernels run the language model where they can, by so many threads
 */
export async function wasmBackend({
	int8 = false,
	kernels
}: { int8?: boolean; kernels?: number } = {}): Promise<Backend> {
	const runtime = await load();
	const { ort } = runtime;
	const heap = await startHeap(runtime);
	const decoder = kernels && (await DecoderKernels.start(ort.Tensor, kernels, startKernelThread));
	const facts = { backend: 'wasm', threads: 1, software: false, reason: '', shader_f16: false } as const;
	return {
		get info() {
			return { ...facts, description: (decoder && decoder.words?.('wasm-int8')) || '' };
		},
		Tensor: ort.Tensor,
		memory: heap.memory,
		async createSession(request) {
			const { stayOnDevice = [] } = request;
			const alone = await readGraphAlone(request);
			const own =
				(decoder && (await decoder.session(request, alone))) ||
				(request.onCpu && (await embeddingRows(ort.Tensor, request, alone)));
			if (own) return own;
			const stored = await withWeights(alone, request);
			const prepared = int8 ? int8Products(stored) : stored;
			const session = await ort.InferenceSession.create(normsInParts(prepared.graph), {
				executionProviders: ['wasm'],
				externalData: [...prepared.weights],
				logSeverityLevel: 3
			});
			return heap.session(session, stayOnDevice);
		},
		openGraph: async (graph) =>
			heap.session(await ort.InferenceSession.create(graph, { executionProviders: ['wasm'] }), []),
		dispose: async () => {
			if (decoder) decoder.dispose();
		}
	};
}

async function load(): Promise<WasmRuntime> {
	const dist = dirname(createRequire(join(root, 'package.json')).resolve('onnxruntime-web/wasm'));
	const ort = (await import(href(join(dist, 'ort.wasm.bundle.min.mjs')))) as WasmRuntime['ort'];
	const keeps = href(join(root, 'src/workers/model/runtime-module.mjs'));
	const module = `${keeps}?of=${encodeURIComponent(href(join(dist, 'ort-wasm-simd-threaded.mjs')))}`;
	ort.env.wasm.wasmPaths = { mjs: module, wasm: href(join(dist, 'ort-wasm-simd-threaded.wasm')) };
	ort.env.wasm.numThreads = 1;
	// Node's own import, as the runtime uses it: the test runner's would make a second module of the file.
	const native = `data:text/javascript,${encodeURIComponent(`export * from ${JSON.stringify(module)}`)}`;
	const kept = (await import(native)) as { readonly instance: WasmInstance | undefined };
	return { ort, instance: () => kept.instance };
}

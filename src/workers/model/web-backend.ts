import type { InferenceSession } from 'onnxruntime-common';
import { sentence } from '../../lib/bytes/sentence.ts';
import {
	ATTENTION_TOLERANCE,
	attentionError,
	type AttentionShape
} from '../../lib/model/runtime/attention-check.ts';
import { ofBackend, type Backend } from '../../lib/model/runtime/backend.ts';
import {
	readGraph,
	readGraphAlone,
	readGraphInPlace,
	withWeights,
	type GraphInPlace
} from '../../lib/model/runtime/graph-bytes.ts';
import { int8Products } from '../../lib/model/runtime/int8-products.ts';
import type { WasmBackendName } from '../../lib/model/runtime/types.ts';
import type { WorkerFailure } from './api.ts';
import {
	describeAdapter,
	requestAdapter,
	requestDevice,
	subgroupsMayWork
} from '../../lib/browser/gpu-device.ts';
import { DecoderKernels } from '../../lib/model/decoder/open.ts';
import { startKernelThread } from './decoder/threads.ts';
import { embeddingRows } from '../../lib/model/runtime/embedding-rows.ts';
import { gpuMemory } from './gpu-memory.ts';
import { fitsFusedAttention } from '../../lib/model/config.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import { firstGraph } from './first-graph.ts';
import { normsInParts } from './norms-in-parts.ts';
import { startHeap } from './wasm-heap.ts';
import { WholeSlices } from './whole-slices.ts';
import { loadWasmRuntime, loadWebGpuRuntime, wasmThreads, type Ort } from './ort-web.ts';

/** How onnxruntime-web runs a model on WASM. */
export interface RuntimeChoice {
	readonly backend: 'wasm' | 'wasm-int8';
	/** Why, for the reader. */
	readonly why: string;
	/** `Backend.context` */
	readonly context?: number;
}

/**
 * onnxruntime-web on WASM.
 * @param reason Why, for the reader.
 * @param backend `wasm-int8` multiplies matrices stored in blocks in 8 bits (`int8Products`); `wasm-q4` does so beside the language model,
 * which kernels of our own compute in 4 bits (`decoder/`) where they know its graph.
 * @param context `Backend.context`
 * @param otherwise how `wasm-q4` runs a language model whose graph the kernels do not know, or where they do not start; throws when it does not fit so
 */
export async function createWasmBackend(
	reason: string,
	backend: WasmBackendName = 'wasm',
	context?: number,
	otherwise: () => RuntimeChoice = () => ({
		...{ backend: 'wasm-int8', why: reason },
		...(context !== undefined && { context })
	})
): Promise<Backend> {
	const threads = wasmThreads();
	const runtime = await loadWasmRuntime(threads);
	const { ort } = runtime;
	const heap = await startHeap(runtime);
	const decoder =
		backend === 'wasm-q4' ? await DecoderKernels.start(ort.Tensor, threads, startKernelThread) : undefined;
	const isolation = globalThis.crossOriginIsolated ? '' : ' (the page is not cross-origin isolated)';
	const description = `${threads} thread${threads === 1 ? '' : 's'}, SIMD${isolation}`;
	const facts = { threads, software: false, shader_f16: false };
	let left: RuntimeChoice | undefined;
	/** What was left to the runtime, once it is known to be. */
	const onRuntime = () => (decoder?.leftToRuntime ? (left ??= otherwise()) : undefined);
	return {
		get info() {
			const { backend: name, why } = onRuntime() ?? { backend, why: reason };
			return {
				...facts,
				...{ reason: why, backend: name },
				description: decoder?.words ? `${description}; ${decoder.words(name)}` : description
			};
		},
		Tensor: ort.Tensor,
		memory: heap.memory,
		get context() {
			const chosen = onRuntime();
			return chosen ? chosen.context : context;
		},
		async createSession(request) {
			const alone = await readGraphAlone(request);
			const session =
				(await decoder?.session(request, alone)) ??
				(request.onCpu ? await embeddingRows(ort.Tensor, request, alone) : undefined);
			if (session) return session;
			const stored = await withWeights(alone, request);
			const { graph, weights } = (onRuntime()?.backend ?? backend) === 'wasm' ? stored : int8Products(stored);
			const prepared = { graph: normsInParts(graph), weights };
			return heap.session(
				await makeSession(ort, prepared, { providers: ['wasm'] }),
				request.stayOnDevice ?? []
			);
		},
		openGraph: async (graph) =>
			heap.session(await makeSession(ort, alone(graph), { providers: ['wasm'] }), []),
		dispose: async () => decoder?.dispose()
	};
}

export interface WebGpuOptions {
	readonly reason: string;
	/** Told once when the device is lost or reports an error that nobody waits for. */
	readonly onFailure: (failure: WorkerFailure) => void;
	readonly onSelfCheck?: () => void;
	/** Attention will be computed in float16. */
	readonly half?: boolean;
	/** What attention will be computed for, where that is one operator; the kernels that are checked are the model's then. */
	readonly attention?: AttentionShape;
	/** Whether the runtime is the one for browsers whose WebAssembly waits by itself (`loadWebGpuRuntime`). */
	readonly suspends?: boolean;
}

/** What a model's attention is computed in and for. */
export const attentionOf = ({
	kv_dtype,
	config
}: ModelManifest): Pick<WebGpuOptions, 'half' | 'attention'> => ({
	half: kv_dtype === 'float16',
	...(fitsFusedAttention(config.text_config) && { attention: config.text_config })
});

export interface WebGpuBackend extends Backend {
	readonly device: GPUDevice;
}

/** WebGPU does not compute what it should on this adapter. */
export class UnusableAdapterError extends Error {
	override readonly name = 'UnusableAdapterError';
}

/**
 * onnxruntime-web on WebGPU, on a device that has been shown to compute attention correctly: if need be one without subgroups.
 * @throws UnusableAdapterError when there is no such device.
 */
export async function createWebGpuBackend({
	reason,
	onFailure,
	onSelfCheck,
	half = false,
	attention,
	suspends
}: WebGpuOptions): Promise<WebGpuBackend> {
	const { ort, blobs } = await loadWebGpuRuntime(suspends);
	onSelfCheck?.();
	const { adapter, device, error, kept } = await trustedDevice(ort, half, attention);
	const facts = describeAdapter(adapter);
	let disposed = false;
	const fail = (failure: WorkerFailure) => {
		if (!disposed) onFailure(failure);
	};
	void device.lost.then(({ message }) =>
		fail({
			reason: 'device-lost',
			message: `The graphics device was lost${message ? ` (${message})` : ''}; restart the model.`
		})
	);
	device.addEventListener('uncapturederror', ({ error }) =>
		fail({ reason: 'crash', message: `The graphics device reported an error: ${error.message}` })
	);
	const without = device.features.has('subgroups') || !adapter.features.has('subgroups');
	return {
		device,
		info: {
			backend: 'webgpu',
			description: `${facts.description}${without ? '' : ', without subgroups'}; attention checked to ${error.toExponential(0)}`,
			threads: 1,
			software: facts.software,
			reason,
			shader_f16: device.features.has('shader-f16')
		},
		Tensor: ort.Tensor,
		memory: gpuMemory(device, ort.Tensor),
		createSession: async (request) =>
			makeSession(
				ort,
				await (blobs ? readGraphInPlace(request) : readGraph(request)),
				request.onCpu
					? { providers: ['wasm'] }
					: { providers: [{ name: 'webgpu', device }], onGpu: request.stayOnDevice ?? [] }
			),
		openGraph: (graph) => makeSession(ort, alone(graph), { providers: [{ name: 'webgpu', device }] }),
		async dispose() {
			disposed = true;
			await kept.release();
			device.destroy();
		}
	};
}

interface TrustedDevice {
	readonly adapter: GPUAdapter;
	readonly device: GPUDevice;
	readonly error: number;
	/** While it is open the runtime keeps the kernels that it has compiled for the device; with the last session it forgets them. */
	readonly kept: InferenceSession;
}

/** Tries the device with everything first; kernels for subgroups are wrong on some adapters, without a message. */
async function trustedDevice(
	ort: Ort,
	half: boolean,
	shape: AttentionShape | undefined
): Promise<TrustedDevice> {
	const errors: string[] = [];
	for (const subgroups of [true, false]) {
		const adapter = await requestAdapter();
		if (!adapter) throw new UnusableAdapterError('there is no adapter');
		if (subgroups && !subgroupsMayWork(adapter)) continue;
		const device = await requestDevice(adapter, { subgroups });
		const type = half && device.features.has('shader-f16') ? 'float16' : 'float32';
		const create = (graph: Uint8Array, stayOnDevice: readonly string[]) =>
			ort.InferenceSession.create(graph, {
				executionProviders: [{ name: 'webgpu', device }],
				preferredOutputLocation: onGpu(stayOnDevice),
				logSeverityLevel: 3
			});
		const keeping = create(firstGraph(), []);
		const memory = gpuMemory(device, ort.Tensor);
		const error = await keeping
			.then(() => attentionError(create, ort.Tensor, { type, shape, memory }))
			.catch((thrown: unknown) => {
				errors.push(sentence(thrown));
				return Infinity;
			});
		if (error <= ATTENTION_TOLERANCE[type]) return { adapter, device, error, kept: await keeping };
		if (error < Infinity) errors.push(`attention is off by ${error.toPrecision(2)} of its largest value`);
		await keeping.then(
			(kept) => kept.release(),
			() => undefined
		);
		device.destroy();
	}
	throw new UnusableAdapterError(errors.join('; '));
}

interface SessionKind {
	readonly providers: NonNullable<InferenceSession.SessionOptions['executionProviders']>;
	/** Outputs that stay on the GPU. */
	readonly onGpu?: readonly string[];
}

/** @throws BackendError when the runtime cannot make it */
async function makeSession(
	ort: Ort,
	{ graph, weights }: GraphInPlace,
	{ providers, onGpu: names }: SessionKind
): Promise<InferenceSession> {
	return ofBackend(
		ort.InferenceSession.create(graph, {
			executionProviders: [...providers],
			externalData: weights.map(({ path, data }) => ({
				path,
				data: data instanceof Blob ? new WholeSlices([data]) : data
			})),
			...(names && { preferredOutputLocation: onGpu(names) }),
			logSeverityLevel: 3
		})
	);
}

/** A graph that has no weights outside. */
const alone = (graph: Uint8Array): GraphInPlace => ({ graph, weights: [] });

function onGpu(names: readonly string[]): Record<string, 'gpu-buffer'> {
	return Object.fromEntries(names.map((name) => [name, 'gpu-buffer'] as const));
}

import { languageIn4Bits, storedInBlocks, type ModelManifest } from '../../lib/model/manifest.ts';
import type { Backend } from '../../lib/model/runtime/backend.ts';
import type { WasmBackendName } from '../../lib/model/runtime/types.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { BackendChoice, LoadRequest } from './api.ts';
import { describeAdapter, requestAdapter, type AdapterFacts } from '../../lib/browser/gpu-device.ts';
import {
	attentionOf,
	createWasmBackend,
	createWebGpuBackend,
	type RuntimeChoice,
	UnusableAdapterError,
	type WebGpuBackend,
	type WebGpuOptions
} from './web-backend.ts';
import { limitsOf, preflight, PROBE_ABOVE, probeMemory, type Preflight } from './preflight.ts';

/** Where a model is to run, and why in one sentence. */
export interface Decision {
	readonly backend: 'webgpu' | WasmBackendName;
	readonly reason: string;
}

/**
 * `auto` is WebGPU on a hardware adapter that can hold the model's types, WASM otherwise; a software adapter is used only
 * when WebGPU is asked for.
 * @throws InputError when what was asked for cannot be.
 */
export function decide(
	choice: BackendChoice,
	adapter: AdapterFacts | undefined,
	manifest: ModelManifest
): Decision {
	const inBlocks = storedInBlocks(manifest);
	const in4Bits = languageIn4Bits(manifest);
	if (choice === 'wasm') return { backend: 'wasm', reason: 'WASM was asked for.' };
	if (choice === 'wasm-int8')
		return inBlocks
			? { backend: 'wasm-int8', reason: 'WASM in 8 bits was asked for.' }
			: { backend: 'wasm', reason: 'WASM was asked for; this model has no matrices to multiply in 8 bits.' };
	/** What stands in for a GPU: onnxruntime would expand matrices in blocks anew for every product. */
	const processor = in4Bits ? 'wasm-q4' : inBlocks ? 'wasm-int8' : 'wasm';
	if (choice === 'wasm-q4')
		return in4Bits
			? { backend: 'wasm-q4', reason: 'WASM in 4 bits was asked for.' }
			: { backend: processor, reason: 'WASM was asked for; this model has no language model in 4 bits.' };
	const lacksHalf = needsHalf(manifest) && !adapter?.shader_f16;
	if (choice === 'webgpu') {
		if (!adapter)
			throw new InputError(
				'WebGPU was asked for, but this browser offers no adapter; choose WASM or automatic.'
			);
		if (lacksHalf)
			throw new InputError(
				`The model ${manifest.name} is ${manifest.dtype}, and the adapter "${adapter.description}" has no half precision (shader-f16); convert the model to fp32 or q4, or choose WASM.`
			);
		return { backend: 'webgpu', reason: 'WebGPU was asked for.' };
	}
	if (!adapter) return { backend: processor, reason: 'This browser offers no WebGPU adapter.' };
	if (adapter.software)
		return {
			backend: processor,
			reason: `The only WebGPU adapter (${adapter.description}) is software, which is slower than WASM.`
		};
	if (lacksHalf)
		return {
			backend: processor,
			reason: `The WebGPU adapter has no half precision, which a ${manifest.dtype} model needs.`
		};
	return { backend: 'webgpu', reason: 'A WebGPU adapter was found.' };
}

/**
 * Makes the backend for a model with one of its projectors.
 * @param request as it came to the worker
 * @throws InputError when the model cannot run as asked.
 */
export async function chooseBackend(
	{ backend: choice, projector }: Pick<LoadRequest, 'backend' | 'projector'>,
	manifest: ModelManifest,
	options: Omit<WebGpuOptions, 'reason' | 'half' | 'attention'>
): Promise<Backend> {
	const adapter = choice.startsWith('wasm') ? undefined : await requestAdapter();
	const { backend, reason } = decide(choice, adapter && describeAdapter(adapter), manifest);
	if (backend === 'webgpu') {
		let gpu: WebGpuBackend;
		try {
			gpu = await createWebGpuBackend({ ...options, ...attentionOf(manifest), reason });
		} catch (error) {
			if (!(error instanceof UnusableAdapterError)) throw error;
			if (choice === 'webgpu')
				throw new InputError(
					`WebGPU does not work on this adapter (${error.message}); choose WASM, or another browser or driver.`
				);
			return wasm(
				manifest,
				projector,
				`WebGPU does not work on this adapter: ${error.message}.`,
				decide('auto', undefined, manifest).backend
			);
		}
		return fitting(gpu, manifest, projector).catch(async (error: unknown) => {
			await gpu.dispose();
			throw error;
		});
	}
	return wasm(manifest, projector, reason, backend);
}

/** The GPU with as many positions as fit beside the model. @throws InputError with the numbers when too few do */
async function fitting(gpu: WebGpuBackend, manifest: ModelManifest, projector?: string): Promise<Backend> {
	const limits = limitsOf(gpu.device.limits);
	const description = gpu.info.description.replace(/[,;].*/, '');
	const asked = { backend: 'webgpu', projector, limits, description } as const;
	const wanted = preflight(manifest, asked);
	if (wanted.refusal !== undefined) throw new InputError(wanted.refusal);
	if (wanted.needed < PROBE_ABOVE) return { ...gpu, context: wanted.context };
	const available = await probeMemory(gpu.device, wanted.needed);
	const { refusal, context } = preflight(manifest, { ...asked, available });
	if (refusal !== undefined) throw new InputError(refusal);
	return { ...gpu, context };
}

async function wasm(
	manifest: ModelManifest,
	projector: string | undefined,
	reason: string,
	kind: Decision['backend']
): Promise<Backend> {
	if (kind !== 'wasm-q4') {
		const { why, backend, context } = onRuntime(manifest, projector, reason, kind);
		return createWasmBackend(why, backend, context);
	}
	const { context } = notRefused(preflight(manifest, { backend: kind, projector }), reason);
	// Whether the kernels know the graph is seen when it is read.
	return createWasmBackend(reason, kind, context, () =>
		onRuntime(manifest, projector, reason, storedInBlocks(manifest) ? 'wasm-int8' : 'wasm')
	);
}

/**
 * How onnxruntime-web runs a model on WASM: in 8 bits, where that was decided, if what its matrices grow to fits, else as stored.
 * @throws InputError with the numbers when it does not fit at all
 */
export function onRuntime(
	manifest: ModelManifest,
	projector: string | undefined,
	reason: string,
	kind: Decision['backend']
): RuntimeChoice {
	const asked = preflight(manifest, { backend: kind, projector });
	const grown = kind === 'wasm-int8' && asked.refusal !== undefined;
	const backend = kind === 'wasm-int8' && !grown ? kind : 'wasm';
	const { context } = notRefused(grown ? preflight(manifest, { backend, projector }) : asked, reason);
	const why = grown ? `${reason} In 8 bits it would not fit into WASM’s memory.` : reason;
	return { why, backend, context };
}

/** @param reason why it is WASM @throws InputError with the numbers for a model that does not fit */
function notRefused(found: Preflight, reason: string): Preflight {
	if (found.refusal === undefined) return found;
	throw new InputError(`${found.refusal.replace(/\.$/, '')}. WebGPU is not used: ${reason}`);
}

function needsHalf({ dtypes, kv_dtype }: ModelManifest): boolean {
	return (
		kv_dtype === 'float16' || Object.values(dtypes).some((dtype) => dtype === 'fp16' || dtype === 'q4f16')
	);
}

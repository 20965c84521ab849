import type { WasmBackendName } from '../../lib/model/runtime/types.ts';
import { gigabytes } from '../../lib/bytes/sizes.ts';
import type { DTypePreset, ModelManifest } from '../../lib/model/manifest.ts';
import { LEAST_CONTEXT, WORKING_MEMORY } from '../../lib/model/runtime/room.ts';
import { productOf } from '../../lib/model/runtime/int8-products.ts';
import { describeAdapter, type AdapterFacts } from '../../lib/browser/gpu-device.ts';
import { cachedShare } from '../../lib/model/decoder/cached.ts';

/** What WASM's 32-bit address space leaves for weights and cache, beside the runtime and what it computes. */
export const WASM_LIMIT = 3.2e9;
/** Bits of a value stored in 4 bits by blocks of 32, with its part of the block's scale and zero point. */
const STORED_BITS = 4 + 36 / 32;

/** Limits of an adapter that decide what it can run. */
const limitNames = [
	'maxBufferSize',
	'maxStorageBufferBindingSize',
	'maxComputeWorkgroupStorageSize',
	'maxComputeInvocationsPerWorkgroup',
	'maxStorageBuffersPerShaderStage'
] as const;

export type GpuLimits = Readonly<Record<(typeof limitNames)[number], number>>;

/** What can run models here. */
export interface Machine {
	/** Absent where the browser offers no WebGPU adapter. */
	readonly adapter?: AdapterFacts & { readonly features: readonly string[]; readonly limits: GpuLimits };
	/** GiB of memory that the browser admits to, at most 8 or so; absent where it does not say. */
	readonly deviceMemory?: number;
	/** Type for a conversion, and why. */
	readonly dtype: DTypePreset;
	readonly dtypeReason: string;
}

export function machineOf(adapter: GPUAdapter | undefined): Machine {
	const memory = (navigator as { readonly deviceMemory?: number }).deviceMemory;
	const facts = adapter && {
		...describeAdapter(adapter),
		features: [...adapter.features].sort(),
		limits: limitsOf(adapter.limits)
	};
	return {
		...(facts && { adapter: facts }),
		...(memory !== undefined && { deviceMemory: memory }),
		...(facts?.shader_f16
			? {
					dtype: 'q4f16' as const,
					dtypeReason: 'q4f16 suits this adapter: 4-bit weights, half-precision arithmetic.'
				}
			: {
					dtype: 'q4' as const,
					dtypeReason: facts
						? 'q4 suits this adapter, which has no half precision (shader-f16).'
						: 'Without a WebGPU adapter only small models run here; q4 takes the least memory.'
				})
	};
}

export function limitsOf(limits: GPUSupportedLimits): GpuLimits {
	return Object.fromEntries(limitNames.map((name) => [name, limits[name]])) as GpuLimits;
}

/** Memory a model needs, in bytes, and what it can have with it. */
export interface Preflight {
	/** Weights of the graphs that run on the device. */
	readonly weights: number;
	/** Positions that fit, at most those the model was made for. */
	readonly context: number;
	/** Cache of that many positions, with the second copy that a step makes of one part's. */
	readonly cache: number;
	readonly working: number;
	readonly needed: number;
	/** Why the model cannot run here, a sentence with the numbers. */
	readonly refusal?: string;
}

interface PreflightOptions {
	readonly backend: 'webgpu' | WasmBackendName;
	/** Projector that is loaded with the model; the manifest's first one when absent. */
	readonly projector?: string | undefined;
	readonly limits?: GpuLimits | undefined;
	/** Bytes that the device can be given; absent while that is not known. */
	readonly available?: number | undefined;
	readonly description?: string | undefined;
}

/** Whether a model fits, from its manifest alone. */
export function preflight(
	manifest: ModelManifest,
	{ backend, projector, limits, available, description = 'this adapter' }: PreflightOptions
): Preflight {
	const { graphs, projectors, memory, config, files } = manifest;
	const { max_position_embeddings, num_key_value_heads, head_dim, num_hidden_layers } = config.text_config;
	const size = new Map(files.map((file) => [file.path, file.size]));
	// One projector is loaded; the embedding's rows are looked up on the processor.
	const chosen = projectors[projector ?? Object.keys(projectors)[0]!];
	const used = [graphs.vision, ...graphs.language, ...(chosen ? [chosen] : [])];
	const processor = backend !== 'webgpu';
	if (processor) used.push(graphs.embedding);
	const shards = new Set(used.flatMap(({ weights }) => weights));
	const stored = [...shards].reduce((sum, path) => sum + (size.get(path) ?? 0), 0);
	const weights = stored + (backend === 'wasm-int8' ? growthInInt8(manifest, size) : 0);

	// A step makes a part's new cache beside the old one.
	const parts = graphs.language.map(({ layers }) => (layers[1] - layers[0]) / num_hidden_layers);
	// The decoder's kernels hold it their own way whatever its type is.
	const kept = backend === 'wasm-q4' ? cachedShare(manifest.kv_dtype, head_dim) : 1;
	const perPosition = memory.kv_per_token * kept * (1 + Math.max(...parts));
	const limit = processor ? WASM_LIMIT : available;
	const room = limit === undefined ? Infinity : limit - weights - WORKING_MEMORY;
	const tensor = num_key_value_heads * head_dim * (manifest.kv_dtype === 'float16' ? 2 : 4);
	const binding = limits
		? Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / tensor
		: Infinity;
	const context = Math.floor(Math.max(0, Math.min(max_position_embeddings, binding, room / perPosition)));
	const least = Math.min(LEAST_CONTEXT, max_position_embeddings);
	const positions = Math.max(context, least);
	const cache = positions * perPosition;
	const needed = weights + cache + WORKING_MEMORY;
	const result = { weights, context, cache, working: WORKING_MEMORY, needed };
	if (context >= least) return result;
	const sum = `${gigabytes(needed)} (${gigabytes(weights)} of weights, ${gigabytes(cache)} of cache for ${positions} positions, ${gigabytes(WORKING_MEMORY)} to work with)`;
	return {
		...result,
		refusal: processor
			? `The model ${manifest.name} needs ${sum}, more than the ${gigabytes(WASM_LIMIT)} that WASM can hold; use a browser with WebGPU, the command line, or a smaller type.`
			: room < least * perPosition
				? `The model ${manifest.name} needs ${sum}, and ${description} gave ${gigabytes(available ?? 0)}; close other programs, or use a smaller model or type.`
				: `The model ${manifest.name} needs buffers of ${gigabytes(least * tensor)} for its cache, and ${description} allows ${gigabytes(binding * tensor)}; use another adapter.`
	};
}

/** Bytes that `int8Products` needs beyond what is stored: 4 bits become 8, and a head much wider than long 32. */
function growthInInt8({ graphs, dtypes, config }: ModelManifest, size: ReadonlyMap<string, number>): number {
	if (dtypes.language !== 'q4') return 0;
	const { hidden_size: K, vocab_size: N } = config.text_config;
	const stored = graphs.language
		.flatMap(({ weights }) => weights)
		.reduce((sum, path) => sum + (size.get(path) ?? 0), 0);
	return stored * (8 / STORED_BITS - 1) + (productOf(K, N) === 'float32' ? (K * N * 24) / 8 : 0);
}

/** Models below this are loaded without asking the device for memory first. */
export const PROBE_ABOVE = 1e9;
const PROBE_BUFFER = 2 ** 29;
/** Finest step of the probe. */
const PROBE_STEP = 2 ** 24;

/** Bytes, up to `wanted`, that a device has to give now: asked for in buffers, and given back. */
export async function probeMemory(device: GPUDevice, wanted: number): Promise<number> {
	const buffers: GPUBuffer[] = [];
	let size = Math.min(PROBE_BUFFER, device.limits.maxBufferSize);
	let given = 0;
	try {
		while (given < wanted) {
			const next = Math.min(size, Math.ceil((wanted - given) / 4) * 4);
			device.pushErrorScope('validation');
			device.pushErrorScope('out-of-memory');
			const buffer = device.createBuffer({ size: next, usage: GPUBufferUsage.STORAGE });
			const errors = [await device.popErrorScope(), await device.popErrorScope()];
			if (errors.some((error) => error !== null)) {
				if (size <= PROBE_STEP) break;
				size = Math.max(PROBE_STEP, Math.floor(size / 8) * 4);
				continue;
			}
			buffers.push(buffer);
			given += next;
		}
	} finally {
		for (const buffer of buffers) buffer.destroy();
	}
	return given;
}

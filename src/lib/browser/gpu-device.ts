/** What ONNX Runtime's kernels make use of. */
const features = ['shader-f16', 'subgroups', 'timestamp-query'] as const;
const limits = [
	'maxBindGroups',
	'maxBufferSize',
	'maxComputeInvocationsPerWorkgroup',
	'maxComputeWorkgroupSizeX',
	'maxComputeWorkgroupSizeY',
	'maxComputeWorkgroupSizeZ',
	'maxComputeWorkgroupStorageSize',
	'maxComputeWorkgroupsPerDimension',
	'maxStorageBufferBindingSize',
	'maxStorageBuffersPerShaderStage'
] as const;

export interface AdapterFacts {
	readonly description: string;
	/** Computes on the processor: correct and very slow. */
	readonly software: boolean;
	readonly shader_f16: boolean;
}

export async function requestAdapter(): Promise<GPUAdapter | undefined> {
	// Some browsers have the object and no adapter, or refuse with an error.
	const adapter = await navigator.gpu
		?.requestAdapter({ powerPreference: 'high-performance' })
		.catch(() => null);
	return adapter ?? undefined;
}

export function describeAdapter(adapter: GPUAdapter): AdapterFacts {
	const { info } = adapter;
	const names = [info.description, info.vendor, info.architecture, info.device].filter(Boolean);
	const description =
		info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ');
	return {
		description: description || 'unnamed adapter',
		software:
			info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render|software/i.test(names.join(' ')),
		shader_f16: adapter.features.has('shader-f16')
	};
}

/**
 * Whether kernels for subgroups may be right: with those of 4 (SwiftShader) and of 8 (lavapipe) ONNX Runtime's attention is known to
 * be wrong, and to compile it only to find that out again takes seconds there.
 */
export function subgroupsMayWork({ features, info }: GPUAdapter): boolean {
	return features.has('subgroups') && (info.subgroupMaxSize ?? Infinity) >= 16;
}

/** A device with all that the adapter has of what the kernels use. An adapter gives only one. */
export function requestDevice(
	adapter: GPUAdapter,
	{ subgroups }: { readonly subgroups: boolean }
): Promise<GPUDevice> {
	const requiredLimits: Record<string, number> = {};
	for (const name of limits) requiredLimits[name] = adapter.limits[name];
	return adapter.requestDevice({
		requiredFeatures: features.filter(
			(name) => adapter.features.has(name) && (subgroups || name !== 'subgroups')
		),
		requiredLimits
	});
}

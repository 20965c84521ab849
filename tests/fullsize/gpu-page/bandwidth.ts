/** Sums a buffer, four floats a thread at a time, each group over a stretch of its own. */
const kernel = /* wgsl */ `
@group(0) @binding(0) var<storage, read> values: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
	var sum = vec4f();
	let threads = groups.x * 256u;
	for (var i = id.x; i < arrayLength(&values); i += threads) { sum += values[i]; }
	sums[id.x] = sum.x + sum.y + sum.z + sum.w;
}`;
const GROUPS = 4096;
const PASSES = 20;

/**
 * Bytes per second that the adapter reads from its memory: what decoding cannot be faster than, since each token reads every weight
 * once. Buffers larger than any cache are read again and again; the best of five runs counts.
 */
export async function readBandwidth(bytes: number): Promise<number> {
	const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
	if (!adapter) throw new Error('There is no WebGPU adapter.');
	const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
	const device = await adapter.requestDevice({
		requiredLimits: { maxBufferSize, maxStorageBufferBindingSize }
	});
	const size = Math.floor(Math.min(bytes, maxBufferSize, maxStorageBufferBindingSize) / 16) * 16;
	const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
	const values = device.createBuffer({ size, usage });
	const sums = device.createBuffer({ size: GROUPS * 256 * 4, usage });
	const pipeline = await device.createComputePipelineAsync({
		layout: 'auto',
		compute: { module: device.createShaderModule({ code: kernel }) }
	});
	const entries = [values, sums].map((buffer, binding) => ({ binding, resource: { buffer } }));
	const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
	let best = Infinity;
	for (let run = 0; run < 6; run++) {
		const encoder = device.createCommandEncoder();
		const pass = encoder.beginComputePass();
		pass.setPipeline(pipeline);
		pass.setBindGroup(0, group);
		for (let i = 0; i < PASSES; i++) pass.dispatchWorkgroups(GROUPS);
		pass.end();
		const begin = performance.now();
		device.queue.submit([encoder.finish()]);
		await device.queue.onSubmittedWorkDone();
		// The first one warms up.
		if (run > 0) best = Math.min(best, performance.now() - begin);
	}
	device.destroy();
	return (size * PASSES) / (best / 1000);
}

/**
 * Memory on the GPU that runs of onnxruntime-web read and write in place. The runtime gives every output a buffer of its own, and a growing
 * cache of keys and values needs wider ones for each token, which soon are more and larger than those that it keeps for another time.
 */
import type { Tensor, TensorConstructor, TensorFactory } from 'onnxruntime-common';
import type { FixedMemory, FixedType } from '../../lib/model/runtime/backend.ts';
import { bytesPerElement, elementCount } from '../../lib/tensor/tensor.ts';

/** The runtime's kernels read and write whole vectors of four. */
const VECTOR = 16;

/** @param Tensor of the runtime that has been given the device */
export function gpuMemory(device: GPUDevice, Tensor: TensorConstructor & TensorFactory): FixedMemory {
	const make = (bytes: number, usage: GPUBufferUsageFlags) =>
		device.createBuffer({ size: Math.ceil(bytes / VECTOR) * VECTOR, usage });
	/** Where values of a tensor that has been read before are brought for the processor. */
	const landings = new WeakMap<GPUBuffer, GPUBuffer>();
	const allocate = (type: FixedType, dims: readonly number[]): Tensor => {
		const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
		const count = elementCount(dims);
		const buffer = make(count * bytesPerElement[type], STORAGE | COPY_SRC | COPY_DST);
		return Tensor.fromGpuBuffer(buffer, {
			dataType: type as 'float32',
			dims,
			download: () => read(buffer, 4 * count),
			dispose: () => {
				landings.get(buffer)?.destroy();
				buffer.destroy();
			}
		});
	};
	const read = async (buffer: GPUBuffer, bytes: number): Promise<Float32Array<ArrayBuffer>> => {
		let landing = landings.get(buffer);
		if (!landing) {
			landing = make(bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
			landings.set(buffer, landing);
		}
		const encoder = device.createCommandEncoder();
		encoder.copyBufferToBuffer(buffer, 0, landing, 0, bytes);
		device.queue.submit([encoder.finish()]);
		await landing.mapAsync(GPUMapMode.READ, 0, bytes);
		const values = new Float32Array(landing.getMappedRange(0, bytes).slice());
		landing.unmap();
		return values;
	};
	return {
		allocate,
		write: (to, values) => device.queue.writeBuffer(to.gpuBuffer, 0, values as Float32Array<ArrayBuffer>),
		read: (from) => read(from.gpuBuffer, 4 * from.size),
		copy: (from, to, positions) => {
			const [, heads, before, width] = from.dims as [number, number, number, number];
			const row = width * bytesPerElement[from.type as FixedType];
			const encoder = device.createCommandEncoder();
			for (let head = 0; head < heads; head++)
				encoder.copyBufferToBuffer(
					from.gpuBuffer,
					head * before * row,
					to.gpuBuffer,
					head * to.dims[2]! * row,
					positions * row
				);
			device.queue.submit([encoder.finish()]);
		}
	};
}

import { expose } from 'comlink';
import { ConvertWorker } from '../../../src/workers/convert/worker.ts';

/**
 * The conversion worker on an adapter with a fault that no error tells of: a kernel that computes something else (every reciprocal
 * square root, which normalisations take), or weights that change on their way to the device.
 */
export type Fault = 'kernel' | 'weights';

/** Bytes from which an upload is taken for weights; what the test of attention uploads is less. */
const WEIGHTS = 2 ** 16;

addEventListener('message', ({ data }: MessageEvent<{ fault?: Fault }>) => {
	if (data.fault === 'kernel') {
		const createShaderModule = GPUDevice.prototype.createShaderModule;
		GPUDevice.prototype.createShaderModule = function (descriptor) {
			const code = descriptor.code.replace(/\binverseSqrt\(/g, 'sqrt(');
			return createShaderModule.call(this, { ...descriptor, code });
		};
	}
	if (data.fault === 'weights') {
		const ranges = new WeakMap<GPUBuffer, ArrayBuffer>();
		const { getMappedRange, unmap } = GPUBuffer.prototype;
		GPUBuffer.prototype.getMappedRange = function (...where) {
			const range = getMappedRange.apply(this, where);
			if (this.usage & GPUBufferUsage.MAP_WRITE && range.byteLength >= WEIGHTS) ranges.set(this, range);
			return range;
		};
		GPUBuffer.prototype.unmap = function () {
			const range = ranges.get(this);
			if (range) new Uint8Array(range).copyWithin(0, range.byteLength >> 1);
			unmap.call(this);
		};
	}
});

expose(new ConvertWorker());

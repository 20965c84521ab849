import { expose } from 'comlink';
import { ConvertWorker } from '../../../src/workers/converter.ts';

/**
 * The conversion worker on an adapter with a fault that no error tells of: a kernel that computes something else (every reciprocal
 * square root, which normalisations take), or weights that change on their way to the device.
 */
export type Fault = 'kernel' | 'weights';

/** Bytes from which an upload is taken for weights. */
const WEIGHTS = 4096;

addEventListener('message', ({ data }: MessageEvent<{ fault?: Fault }>) => {
	if (data.fault === 'kernel') {
		const createShaderModule = GPUDevice.prototype.createShaderModule;
		GPUDevice.prototype.createShaderModule = function (descriptor) {
			const code = descriptor.code.replace(/\binverseSqrt\(/g, 'sqrt(');
			return createShaderModule.call(this, { ...descriptor, code });
		};
	}
	if (data.fault === 'weights') {
		const writeBuffer = GPUQueue.prototype.writeBuffer;
		GPUQueue.prototype.writeBuffer = function (buffer, offset, source, at = 0, size) {
			const view = ArrayBuffer.isView(source)
				? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
				: new Uint8Array(source);
			const bytes = view.slice(at, size === undefined ? undefined : at + size);
			if (bytes.length >= WEIGHTS) bytes.copyWithin(0, bytes.length >> 1);
			writeBuffer.call(this, buffer, offset, bytes);
		};
	}
});

expose(new ConvertWorker());

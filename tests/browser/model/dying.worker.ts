import { expose } from 'comlink';
import { ModelWorker } from '../../../src/workers/model/worker.ts';

/**
 * The model worker with ways to end badly: `self.close()`, an uncaught error, loss of the GPU device, and errors that nobody waits for:
 * a buffer that cannot be, and a device that is out of memory.
 */
export type Death = 'close' | 'throw' | 'device' | 'validation' | 'memory';

const devices: GPUDevice[] = [];
const requestDevice = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
	const device = await requestDevice.call(this, descriptor);
	devices.push(device);
	return device;
};

addEventListener('message', ({ data }: MessageEvent<{ die?: Death }>) => {
	if (data.die === 'close') close();
	if (data.die === 'throw') throw new Error('out of order');
	if (data.die === 'device') for (const device of devices) device.destroy();
	if (data.die === 'validation')
		for (const device of devices) device.createBuffer({ size: 2 ** 40, usage: GPUBufferUsage.STORAGE });
	if (data.die === 'memory')
		for (const device of devices)
			device.dispatchEvent(
				new GPUUncapturedErrorEvent('uncapturederror', { error: new GPUOutOfMemoryError('out of memory') })
			);
});

expose(new ModelWorker());

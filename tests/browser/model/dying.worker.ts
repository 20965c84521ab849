import { expose } from 'comlink';
import { HoneybeeWorker } from '../../../src/workers/worker-api.ts';

/** The model worker with ways to end badly: `self.close()`, an uncaught error, loss of the GPU device. */
const devices: GPUDevice[] = [];
const requestDevice = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
	const device = await requestDevice.call(this, descriptor);
	devices.push(device);
	return device;
};

addEventListener('message', ({ data }: MessageEvent<{ die?: 'close' | 'throw' | 'device' }>) => {
	if (data.die === 'close') close();
	if (data.die === 'throw') throw new Error('out of order');
	if (data.die === 'device') for (const device of devices) device.destroy();
});

expose(new HoneybeeWorker());

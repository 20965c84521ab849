import { expose } from 'comlink';
import { ModelWorker } from '../../../src/workers/model/worker.ts';

/**
 * The model worker on a device with little memory: large buffers are not made but counted, and fail as WebGPU lets them fail once
 * there is no room for them.
 */
let room = Infinity;
addEventListener('message', ({ data }: MessageEvent<{ room?: number }>) => {
	room = data.room ?? room;
});

/** Bytes from which a buffer is one that asks for memory. */
const LARGE = 2 ** 23;
const scopes: boolean[] = [];
const { createBuffer, pushErrorScope, popErrorScope } = GPUDevice.prototype;
GPUDevice.prototype.pushErrorScope = function (filter) {
	scopes.push(false);
	pushErrorScope.call(this, filter);
};
GPUDevice.prototype.popErrorScope = async function () {
	const failed = scopes.pop();
	const error = await popErrorScope.call(this);
	return failed ? new GPUOutOfMemoryError('no room') : error;
};
GPUDevice.prototype.createBuffer = function (descriptor) {
	if (descriptor.size < LARGE) return createBuffer.call(this, descriptor);
	if (descriptor.size > room) scopes[scopes.length - 1] = true;
	else room -= descriptor.size;
	return createBuffer.call(this, { ...descriptor, size: 16 });
};

expose(new ModelWorker());

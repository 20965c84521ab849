/** A thread of the decoder's kernels: says when it is ready, and from then on only computes. Its end is `terminate`. */
import type { KernelExports, ThreadSetup } from '../../../lib/model/decoder/kernels.ts';

addEventListener('message', ({ data }: MessageEvent<ThreadSetup>) => {
	const { module, memory, serve, failed, arrived } = data;
	void WebAssembly.instantiate(module, { env: { memory } }).then(({ exports }) => {
		postMessage('ready');
		try {
			(exports as unknown as KernelExports).serve(...serve);
		} catch (error) {
			// Who waits for this thread hears of messages only afterwards.
			const words = new Int32Array(memory.buffer);
			Atomics.store(words, failed, 1);
			Atomics.notify(words, arrived);
			throw error;
		}
	});
});

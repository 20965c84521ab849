/** A thread of the decoder's kernels: says when it is ready, and from then on only computes. Its end is `terminate`. */
import type { KernelExports, ThreadSetup } from './kernels.ts';

addEventListener('message', ({ data: { module, memory, serve } }: MessageEvent<ThreadSetup>) => {
	void WebAssembly.instantiate(module, { env: { memory } }).then(({ exports }) => {
		postMessage('ready');
		(exports as unknown as KernelExports).serve(...serve);
	});
});

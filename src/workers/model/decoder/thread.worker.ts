/** A thread of the decoder's kernels. Its end is `terminate`. */
import type { ThreadSetup } from '../../../lib/model/decoder/kernels.ts';
import { serveKernels } from '../../../lib/model/decoder/thread.ts';

addEventListener('message', ({ data }: MessageEvent<ThreadSetup>) => {
	void serveKernels(data, () => postMessage('ready'));
});

import type { KernelExports, ThreadSetup } from './kernels.ts';

/** Threads that compute a model on a machine with so many cores: all, or half of them when there are many. */
export function threadsFor(cores: number): number {
	return Math.min(8, Math.max(Math.min(cores, 4), Math.ceil(cores / 2)));
}

/** What a thread of the kernels does: it says when it is ready, and from then on only computes. Whoever started it ends it. */
export async function serveKernels(
	{ module, memory, serve, failed, arrived }: ThreadSetup,
	ready: () => void
): Promise<void> {
	const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
	ready();
	try {
		(exports as unknown as KernelExports).serve(...serve);
	} catch (error) {
		// Who waits for this thread hears of messages only afterwards.
		const words = new Int32Array(memory.buffer);
		Atomics.store(words, failed, 1);
		Atomics.notify(words, arrived);
		throw error;
	}
}

import type { Worker } from 'node:worker_threads';
import { Tensor } from 'onnxruntime-common';
import { describe, expect, it } from 'vitest';
import { Kernels, type ThreadSetup } from '../../../../src/lib/model/decoder/kernels.ts';
import { Float, Program } from '../../../../src/lib/model/decoder/steps.ts';
import { startKernelThread } from '../../../../src/cli/kernels/threads.ts';

const STOPPED = /^A thread that computes the language model has stopped, .* restart the model\.$/;

/** Kernels on two threads, and a program in which both have something to do. */
async function started(patience = 600, change: (setup: ThreadSetup) => ThreadSetup = (setup) => setup) {
	const workers: Worker[] = [];
	const kernels = await Kernels.start({
		...{ Tensor, threads: 2, patience },
		startThread: (setup, failed) => startKernelThread(change(setup), failed, (worker) => workers.push(worker))
	});
	const { heap } = kernels;
	const [rows, width] = [256, 32];
	const [x, y] = [heap.allocate(rows * width * 4), heap.allocate(rows * width * 4)];
	heap.floats(x, rows * width).fill(3);
	const [angles, cache] = [heap.allocate(rows * width * 4), heap.allocate(rows * width * 2)];
	const program = () => {
		const program = new Program(heap);
		program.begin(2);
		program.step('scale', rows, [x, width, new Float(2), y]);
		// Needs the thread's own memory.
		program.step('remember', rows, [
			...[x, x, x, width * 4, width * 4, angles, angles, cache, cache],
			...[rows, 0, rows, 1, 1, width, new Float(1), y, 1, 64, 0]
		]);
		return program;
	};
	return { kernels, workers, program, result: () => heap.floats(y, rows * width)[rows * width - 1] };
}

describe('a thread of the kernels that stops', () => {
	it('ends a run and all that follow with a sentence, instead of a wait without end', async () => {
		const { kernels, workers, program, result } = await started(30);
		kernels.run(program());
		expect(result()).toBe(6);
		await workers[0]!.terminate();
		expect(() => kernels.run(program())).toThrow(STOPPED);
		expect(() => kernels.run(program())).toThrow(STOPPED);
		const anew = await started();
		anew.kernels.run(anew.program());
		expect(anew.result()).toBe(6);
		anew.kernels.dispose();
	}, 60_000);

	it('by an error tells those who wait for it', async () => {
		// Its own memory lies where there is none; it is not the first thread's patience that ends.
		const { kernels, program } = await started(6000, (setup) => ({
			...setup,
			serve: [setup.serve[0], setup.serve[1], 2 ** 31]
		}));
		// Until the thread was quick enough to take a unit.
		expect(() => {
			for (let time = 0; time < 5000; time++) kernels.run(program());
		}).toThrow(STOPPED);
	}, 60_000);
});

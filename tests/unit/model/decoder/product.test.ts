import { describe, expect, it } from 'vitest';
import { Tensor } from 'onnxruntime-common';
import { binaries } from '../../../../scripts/kernels.mjs';
import * as made from '../../../../src/lib/model/decoder/binaries.ts';
import { Kernels } from '../../../../src/lib/model/decoder/kernels.ts';
import { Program } from '../../../../src/lib/model/decoder/steps.ts';
import { startKernelThread } from '../../../../src/cli/kernels/threads.ts';
import { random } from '../../../support/random-checkpoint.ts';

it('the binaries are what the sources compile to', () => {
	const text = binaries();
	for (const [name, binary] of Object.entries(made)) expect(text.includes(`'${binary}'`), name).toBe(true);
}, 120_000);

const start = (plainOnly: boolean) =>
	Kernels.start({ Tensor, threads: 1, startThread: startKernelThread, plainOnly });

/** A matrix in 4 bits [N, K] as MatMulNBits stores it, and what it stands for. */
function stored(N: number, K: number, seed: number) {
	const next = random(seed);
	const blocks = Math.ceil(K / 32);
	const sides = Math.ceil(blocks / 2);
	const bytes = (count: number) => Uint8Array.from({ length: count }, () => (next() + 1) * 127.9);
	const [packed, zeros] = [bytes(N * blocks * 16), bytes(N * sides)];
	const scales = Float32Array.from({ length: N * blocks }, () => 0.01 + 0.01 * Math.abs(next()));
	const four = (all: Uint8Array, index: number) =>
		index & 1 ? all[index >> 1]! >> 4 : all[index >> 1]! & 15;
	const weight = (n: number, k: number) => {
		const block = n * blocks + (k >> 5);
		const zero = four(zeros.subarray(n * sides), k >> 5);
		return (four(packed.subarray(block * 16), k & 31) - zero) * scales[block]!;
	};
	return { packed, zeros, scales, blocks, weight };
}

describe.each([
	['relaxed', false],
	['plain', true]
] as const)('the product with %s SIMD', (name, plainOnly) => {
	it.each([
		[1, 96, 40],
		[1, 80, 37],
		[3, 64, 6],
		// More rows than are multiplied side by side.
		[70, 96, 9]
	])(
		'of %i rows of %i and a matrix of %i is off by no more than rounding to 8 bits allows',
		async (M, K, N) => {
			const kernels = await start(plainOnly);
			expect(kernels.relaxed).toBe(name === 'relaxed');
			const { heap, exports } = kernels;
			const { packed, zeros, scales, blocks, weight } = stored(N, K, M + N);
			const put = (values: Uint8Array | Float32Array) => {
				const at = heap.allocate(values.byteLength);
				heap
					.bytes(at, values.byteLength)
					.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
				return at;
			};
			const next = random(M);
			const x = Float32Array.from({ length: M * K }, (_, i) => next() * (i % 7 === 0 ? 5 : 1));
			// A row of zeros stays one.
			if (M > 1) x.fill(0, K, 2 * K);
			const w = heap.allocate(Math.ceil(N / 4) * exports.groupBytes(blocks));
			// Rows come in parts, whatever group they are of.
			const parts = [
				[exports.arrangeNumbers, packed],
				[exports.arrangeScales, scales],
				[exports.arrangeZeros, zeros]
			] as const;
			for (const [arrange, values] of parts)
				for (let first = 0; first < N; first += 3) {
					const row = values.length / N;
					const rows = Math.min(3, N - first);
					arrange(put(values.slice(first * row, (first + rows) * row)), first, rows, blocks, w);
				}
			const quantized = heap.allocate(exports.activationBytes(M, blocks));
			// What stands behind the result must stay.
			const y = put(new Float32Array(M * N + 4).fill(7));
			const program = new Program(heap);
			program.begin(2);
			program.step('quantize', M, [put(x), K, M, quantized]);
			program.step('product', Math.ceil(Math.ceil(N / 4) / 3), [quantized, M, w, N, blocks, y, 3]);
			kernels.run(program);
			const result = heap.floats(y, M * N + 4);
			expect([...result.subarray(M * N)]).toEqual([7, 7, 7, 7]);
			let largest = 0;
			for (let m = 0; m < M; m++)
				for (let n = 0; n < N; n++) {
					let [exact, allowed] = [0, 1e-4];
					for (let block = 0; block < blocks; block++) {
						const columns = Array.from({ length: Math.min(32, K - block * 32) }, (_, i) => block * 32 + i);
						const most = Math.max(...columns.map((k) => Math.abs(x[m * K + k]!)));
						for (const k of columns) {
							exact += x[m * K + k]! * weight(n, k);
							allowed += (most / 254) * 1.0001 * Math.abs(weight(n, k));
						}
					}
					largest = Math.max(largest, Math.abs(exact));
					expect(Math.abs(result[m * N + n]! - exact)).toBeLessThanOrEqual(allowed);
				}
			expect(largest).toBeGreaterThan(1);
		}
	);
});

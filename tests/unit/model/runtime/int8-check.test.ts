import { expect, it, test } from 'vitest';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import type { Backend, Session } from '../../../../src/lib/model/runtime/backend.ts';
import { int8IsExact } from '../../../../src/lib/model/runtime/int8-check.ts';
import { readModelFile } from '../../../../src/lib/onnx/model-file.ts';

const node = createNodeBackend('/');

it('this processor multiplies such columns exactly', async () => {
	expect(await int8IsExact(node)).toBe(true);
});

const limited = (value: number) => Math.min(2 ** 15 - 1, Math.max(-(2 ** 15), value));

/**
 * A runtime that adds the products of `k` and its partner in 16 bits, as `vpmaddubsw` does.
 * @param partner the other k of a pair, of its first one; undefined for a k that is none
 * @param byte what one is rounded to
 */
function saturating(
	partner: (k: number) => number | undefined,
	byte = 255
): Pick<Backend, 'openGraph' | 'Tensor'> {
	return {
		Tensor: node.Tensor,
		openGraph: async (graph): Promise<Session> => {
			const matrix = readModelFile(graph).initializers.find(({ dims }) => dims.length === 2)!;
			const [K = 0, N = 0] = matrix.dims;
			const values = new Int8Array(matrix.raw!);
			return {
				inputNames: ['x'],
				outputNames: ['y'],
				release: async () => {},
				async run({ x }) {
					const rows = x!.dims[0]!;
					const y = new Float32Array(rows * N);
					for (let n = 0; n < N; n++) {
						let sum = 0;
						for (let k = 0; k < K; k++) {
							const other = partner(k);
							if (other === undefined) continue;
							const second = other < K ? values[other * N + n]! : 0;
							sum += limited(byte * values[k * N + n]! + byte * second);
						}
						for (let row = 0; row < rows; row++) y[row * N + n] = sum / byte;
					}
					return { y: new node.Tensor('float32', y, [rows, N]) };
				}
			};
		}
	};
}

test.each([
	['neighbours, k and k + 1: nothing is cut off', (k: number) => (k % 2 === 0 ? k + 1 : undefined), true],
	[
		'k and k + 2: a kernel that the columns are not made for',
		(k: number) => (k % 4 < 2 ? k + 2 : undefined),
		false
	],
	['k + 1 and k + 2, one off', (k: number) => (k % 2 === 1 ? k + 1 : k === 0 ? Infinity : undefined), false]
])('sums of 16 bits of %s', async (_, partner, exact) => {
	expect(await int8IsExact(saturating(partner))).toBe(exact);
});

it('values that are no numbers are not exact', async () => {
	expect(await int8IsExact(saturating((k) => (k % 2 === 0 ? k + 1 : undefined), NaN))).toBe(false);
});

import { describe, expect, it } from 'vitest';
import { toFloatColumns, toInt8Columns } from '../../../src/lib/kernels/int8-columns.ts';
import { dequantizeMatrix, quantizeMatrix } from '../../../src/lib/kernels/quantize.ts';
import { random } from '../../support/random-checkpoint.ts';

describe.each([
	[4, 70, 64],
	[8, 70, 64],
	// The last block is not full, and a row has an odd number of blocks.
	[4, 3, 75],
	[8, 129, 33]
] as const)('a matrix stored in %i bits, %i × %i', (bits, rows, columns) => {
	const next = random(rows + bits);
	const matrix = Float32Array.from({ length: rows * columns }, next);
	// A row of zeros.
	matrix.fill(0, columns, 2 * columns);
	const stored = { rows, columns, bits, ...quantizeMatrix(matrix, rows, columns, bits) };
	const exact = dequantizeMatrix(stored, rows, columns, bits);

	it('is the same in float32, transposed', () => {
		const values = new Float32Array(rows * columns);
		toFloatColumns(stored, values);
		for (let n = 0; n < rows; n++)
			for (let k = 0; k < columns; k++) expect(values[k * rows + n]).toBe(exact[n * columns + k]);
	});

	it('has no two neighbours of one sign in 8 bits that a kernel with sums of 16 bits could not hold', () => {
		const [values, scales] = [new Int8Array(rows * columns), new Float32Array(rows)];
		const [alone, free] = [new Float32Array(rows), new Int8Array(rows * columns)];
		toInt8Columns(stored, values, scales, { pairs: true });
		toInt8Columns(stored, free, alone);
		/** Largest and least sum of two products with bytes from 0 to 255. */
		const extremes = (of: Int8Array) => {
			let [least, most] = [0, 0];
			for (let n = 0; n < rows; n++)
				for (let k = 0; k < columns; k += 2) {
					const two = [of[k * rows + n]!, k + 1 < columns ? of[(k + 1) * rows + n]! : 0];
					most = Math.max(most, 255 * two.reduce((sum, value) => sum + Math.max(value, 0), 0));
					least = Math.min(least, 255 * two.reduce((sum, value) => sum + Math.min(value, 0), 0));
				}
			return { fits: most < 2 ** 15 && least >= -(2 ** 15) };
		};
		expect(extremes(values)).toEqual({ fits: true });
		expect(extremes(free)).toEqual({ fits: false });
		for (let n = 0; n < rows; n++) {
			// Never finer than without, and half as fine at most.
			expect(scales[n]! / alone[n]!).toBeGreaterThanOrEqual(1);
			expect(scales[n]! / alone[n]!).toBeLessThanOrEqual(2.0001);
			for (let k = 0; k < columns; k++)
				expect(Math.abs(values[k * rows + n]! * scales[n]! - exact[n * columns + k]!)).toBeLessThanOrEqual(
					0.501 * scales[n]!
				);
		}
	});

	it('is within half a step of its column’s scale in 8 bits', () => {
		const values = new Int8Array(rows * columns);
		const scales = new Float32Array(rows);
		toInt8Columns(stored, values, scales);
		for (let n = 0; n < rows; n++) {
			const row = exact.subarray(n * columns, (n + 1) * columns);
			const most = row.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
			expect(scales[n]).toBeCloseTo(most === 0 ? 1 : most / 127, 7);
			for (let k = 0; k < columns; k++)
				expect(Math.abs(values[k * rows + n]! * scales[n]! - row[k]!)).toBeLessThanOrEqual(
					0.501 * scales[n]!
				);
		}
	});
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { toFloats } from '../../../../src/lib/model/runtime/graph-session.ts';
import { normsInParts } from '../../../../src/workers/model/norms-in-parts.ts';
import { Graph } from '../../../../src/lib/onnx/graph.ts';
import { readModelFile } from '../../../../src/lib/onnx/model-file.ts';
import { LayerNormalization, Mul } from '../../../../src/lib/onnx/ops.ts';
import { wasmBackend } from '../../../support/wasm-in-node.ts';

const [rows, width] = [7, 12];
const numbers = (count: number, scale: number, shift = 0) =>
	Float32Array.from({ length: count }, (_, i) => shift + scale * Math.sin(1.7 * i + 0.3));

/** Two norms, one after the other, with epsilons that weigh. */
function graphOfNorms(): Uint8Array {
	const g = new Graph('norms');
	const row = (scale: number, shift: number) =>
		g.constant({ dtype: 'float32', dims: [width], data: numbers(width, scale, shift) });
	const first = LayerNormalization(
		g,
		g.input('x', 'float32', ['row', width]),
		row(0.4, 1),
		row(0.2, -3),
		0.5
	);
	const second = LayerNormalization(g, Mul(g, first, g.scalar(0.01)), row(0.3, 2), row(0.1, 0), 1e-5);
	g.output('y', second, ['row', width]);
	return g.serialize(() => {
		throw new Error('There are no weights.');
	});
}

/** The same in double precision. */
function expected(x: Float32Array): number[] {
	const norm = (of: readonly number[], scale: Float32Array, bias: Float32Array, epsilon: number) => {
		const mean = of.reduce((sum, value) => sum + value, 0) / width;
		const variance = of.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
		return of.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * scale[i]! + bias[i]!);
	};
	return Array.from({ length: rows }, (_, r) => {
		const first = norm(
			[...x.slice(r * width, (r + 1) * width)],
			numbers(width, 0.4, 1),
			numbers(width, 0.2, -3),
			0.5
		);
		const second = first.map((value) => 0.01 * value);
		return norm(second, numbers(width, 0.3, 2), numbers(width, 0.1, 0), 1e-5);
	}).flat();
}

describe('norms in parts', () => {
	it.each([
		['WASM', () => wasmBackend()],
		['Node', async () => createNodeBackend('/')]
	])('are what the operator gives, on %s', async (_name, make) => {
		const { openGraph, Tensor } = await make();
		const x = numbers(rows * width, 2, 5);
		for (const graph of [graphOfNorms(), normsInParts(graphOfNorms())]) {
			const session = await openGraph(graph);
			const { y } = await session.run({ x: new Tensor('float32', x, [rows, width]) }, { y: null });
			const values = await toFloats(y!);
			const error = expected(x).map((value, i) => Math.abs(value - values[i]!));
			expect(Math.max(...error)).toBeLessThan(1e-5);
			await session.release();
		}
	});

	it('leave no such operator in any graph of the embedded model, and a graph without one as it was', () => {
		for (const name of ['vision', 'projector.c-abs', 'projector.d-abs', 'projector.resampler']) {
			const graph = new Uint8Array(readFileSync(`static/models/honeybee-mini/${name}.onnx`));
			const count = (bytes: Uint8Array, op: string) =>
				readModelFile(bytes).nodes.filter((node) => node.op === op).length;
			const before = count(graph, 'LayerNormalization');
			expect(before, name).toBeGreaterThan(0);
			const made = normsInParts(graph);
			expect(count(made, 'LayerNormalization')).toBe(0);
			expect(count(made, 'SimplifiedLayerNormalization')).toBe(before);
		}
		const without = new Uint8Array(readFileSync('static/models/honeybee-mini/language.onnx'));
		expect(normsInParts(without)).toBe(without);
	});
});

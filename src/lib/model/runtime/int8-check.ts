import { Graph } from '../../onnx/graph.ts';
import type { Backend } from './backend.ts';
import { toFloats } from './graph-session.ts';

/** What columns repeat, from k = 0: extremes that `toInt8Columns` with `pairs` may make of k and k + 1, in every place and of both signs. */
const EXTREMES = [
	[127, 0, 127, 0],
	[0, 127, 127, 0],
	[127, 1, 1, 127],
	[64, 64, 64, 64],
	[127, -127, -127, 127],
	[-127, 0, -127, 0],
	[0, -127, -127, 0],
	[-1, -127, -127, -1],
	[-64, -64, -64, -64]
] as const;

/** Columns, more than the widest tile of the kernels; rows of the matrix, more than a step of theirs and no multiple of it. */
const [K, N] = [266, 54];
/** One row has a kernel of its own, and so have the last of a tile. */
const ROWS = [1, 3, 32] as const;

/**
 * Whether the runtime multiplies int8 columns exactly whose neighbours add up to 128 at most. Kernels for processors without an instruction
 * for products of bytes add two products in 16 bits and cut off what is above, without a word; so a product of extremes is computed and
 * compared with its exact value. It would be wrong as well where they added other products than those of neighbours.
 * @throws BackendError when the runtime cannot multiply so at all
 */
export async function int8IsExact({
	openGraph,
	Tensor
}: Pick<Backend, 'openGraph' | 'Tensor'>): Promise<boolean> {
	const values = new Int8Array(K * N);
	const sums = new Float64Array(N);
	for (let n = 0; n < N; n++)
		for (let k = 0; k < K; k++) {
			const value = EXTREMES[n % EXTREMES.length]![k % 4]!;
			values[k * N + n] = value;
			sums[n]! += value;
		}
	const session = await openGraph(product(values));
	try {
		for (const rows of ROWS) {
			// Ones become 255, the largest byte.
			const x = new Tensor('float32', new Float32Array(rows * K).fill(1), [rows, K]);
			const { y } = await session.run({ x }, { y: null });
			const got = await toFloats(y!);
			for (let i = 0; i < rows * N; i++) if (!(Math.abs(got[i]! - sums[i % N]!) < 0.5)) return false;
		}
		return true;
	} finally {
		await session.release();
	}
}

/** x [row, K] ─ DynamicQuantizeMatMul(values, scales of one) ─ y [row, N] */
function product(values: Int8Array): Uint8Array {
	const g = new Graph('int8_test');
	const y = g.op(
		'DynamicQuantizeMatMul',
		[
			g.input('x', 'float32', ['row', K]),
			g.constant({ dtype: 'int8', dims: [K, N], data: values }),
			g.constant({ dtype: 'float32', dims: [N], data: new Float32Array(N).fill(1) })
		],
		{},
		{ domain: 'com.microsoft' }
	);
	g.output('y', y, ['row', N]);
	return g.serialize(() => {
		throw new Error('The test of products in 8 bits has no weights.');
	});
}

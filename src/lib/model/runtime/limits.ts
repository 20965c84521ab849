import type { Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-common';
import { Graph } from '../../onnx/graph.ts';
import { Expand, MatMul } from '../../onnx/ops.ts';
import type { Backend, Session } from './backend.ts';
import { toFloats } from './graph-session.ts';

/** What a machine can do at most, as far as the runtime that the model runs on reaches it, in float32. */
export interface MachineLimits {
	readonly bytes_per_second: number;
	/** Floating-point operations; a multiplication with its addition counts as two. */
	readonly operations_per_second: number;
}

/** A product that takes less is too short to be told from the start of a run, ms. */
const LONG_ENOUGH = 2;

export interface LimitsOptions {
	/** Width of the matrix that is read. 4,096: 64 MiB, more than the caches that one core has for itself. */
	readonly width?: number;
	readonly now?: () => number;
	/** Each run of a graph goes through it, so that what waits can go first. */
	readonly step?: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Times products with a large matrix, on the backend that a model runs on: of one row, which waits for nothing but the matrix to come
 * from memory, as a decoded token does, and of many rows, which wait for arithmetic. What a run costs beside them (its start, the
 * matrix that it makes, the result's way back) falls out of the difference between a long and a short chain of products.
 *
 * @throws BackendError
 */
export async function measureLimits(
	{ openGraph, Tensor }: Pick<Backend, 'openGraph' | 'Tensor'>,
	{ width: wide = 4096, now = () => performance.now(), step = (work) => work() }: LimitsOptions = {}
): Promise<MachineLimits> {
	/** Least milliseconds of a run of so many products. */
	const runOf = async (products: number, rows: number, width: number): Promise<number> => {
		const session = await step(() => openGraph(chain(width, products)));
		try {
			let least = Infinity;
			// The first run warms up: it takes memory, and on a GPU compiles.
			for (let run = 0; run < 3; run++) {
				const ms = await step(() => timed(session, Tensor, rows, width, now));
				if (run > 0) least = Math.min(least, ms);
			}
			return least;
		} finally {
			await session.release();
		}
	};
	const productOf = async (rows: number, width: number, more: number): Promise<number> => {
		const short = await runOf(1, rows, width);
		return Math.max((await runOf(1 + more, rows, width)) - short, 1e-6) / more;
	};
	const operationsOf = (rows: number, width: number, ms: number) => (2 * rows * width ** 2) / (ms / 1000);
	const reading = await productOf(1, wide, 4);
	const narrow = Math.max(1, wide / 4);
	const ms = await productOf(256, narrow, 2);
	let operations = operationsOf(256, narrow, ms);
	// A graphics card is done with that at once, and had not enough to do.
	if (ms < LONG_ENOUGH)
		operations = Math.max(operations, operationsOf(1024, wide, await productOf(1024, wide, 2)));
	return { bytes_per_second: (4 * wide ** 2) / (reading / 1000), operations_per_second: operations };
}

/**
 * x [row, width] ─ MatMul ─ … ─ MatMul ─ y [row, width]
 * fill ─ Expand ─ W [width, width] ┴──────┘
 *
 * The matrix is made in the graph, of an input: as a constant the runtime would pack it anew for each product.
 */
function chain(width: number, products: number): Uint8Array {
	const g = new Graph('limits');
	const matrix = Expand(g, g.input('fill', 'float32', []), g.ints([width, width]));
	let x = g.input('x', 'float32', ['row', width]);
	for (let i = 0; i < products; i++) x = MatMul(g, x, matrix);
	g.output('y', x, ['row', width]);
	return g.serialize(() => {
		throw new Error('The products that are timed have no weights.');
	});
}

/** Milliseconds of one run. Every product means the row, so that the result is known. */
async function timed(
	session: Session,
	Tensor: TensorConstructor,
	rows: number,
	width: number,
	now: () => number
): Promise<number> {
	const values = Float32Array.from({ length: rows * width }, (_, i) => 1 + (i % 2));
	const feeds = {
		fill: new Tensor('float32', Float32Array.of(1 / width), []),
		x: new Tensor('float32', values, [rows, width])
	};
	const begin = now();
	const { y } = await session.run(feeds, { y: null });
	const result = await toFloats(y as OrtTensor);
	const ms = now() - begin;
	if (!result.every((value) => Math.abs(value - 1.5) < 1e-3))
		throw new Error('The runtime multiplied wrongly while its speed was measured.');
	return ms;
}

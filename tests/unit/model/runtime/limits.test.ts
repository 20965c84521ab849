import { expect, it } from 'vitest';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { measureLimits } from '../../../../src/lib/model/runtime/limits.ts';
import type { Backend } from '../../../../src/lib/model/runtime/backend.ts';
import { wasmBackend } from '../../../support/wasm-in-node.ts';

it.each([
	['Node', async () => createNodeBackend('/')],
	['WASM', () => wasmBackend()]
])('is measured on %s', async (_name, backend) => {
	const { bytes_per_second, operations_per_second } = await measureLimits(await backend(), { width: 256 });
	// Slower than any disk or faster than any card would be a fault of the measurement; so small a matrix comes from a cache.
	for (const rate of [bytes_per_second, operations_per_second]) {
		expect(rate).toBeGreaterThan(1e7);
		expect(rate).toBeLessThan(1e16);
	}
});

it('leaves out what a run costs beside the products, and counts those of many rows as arithmetic', async () => {
	const { openGraph, Tensor } = createNodeBackend('/');
	let time = 0;
	const opened: number[] = [];
	/** A runtime whose runs take 100 ms, 2 for each product of one row and 40 for each of many. */
	const clocked: Pick<Backend, 'openGraph' | 'Tensor'> = {
		Tensor,
		async openGraph(graph) {
			const session = await openGraph(graph);
			opened.push(productsOf(graph));
			return {
				...{ inputNames: session.inputNames, outputNames: session.outputNames },
				release: () => session.release(),
				async run(feeds, fetches) {
					const rows = feeds.x!.dims[0]!;
					time += 100 + (productsOf(graph) - 1) * (rows === 1 ? 2 : 40);
					return session.run(feeds, fetches);
				}
			};
		}
	};
	const limits = await measureLimits(clocked, { width: 8, now: () => time });
	expect(limits.bytes_per_second).toBeCloseTo((4 * 64) / 0.002, 6);
	expect(limits.operations_per_second).toBeCloseTo((2 * 256 * 4) / 0.04, 6);
	expect(opened).toEqual([1, 5, 1, 3]);
});

/** MatMul nodes of a graph: each is named once as an operator. */
function productsOf(graph: Uint8Array): number {
	// NodeProto.op_type is field 4 of six letters.
	return new TextDecoder('latin1').decode(graph).split('"\u0006MatMul').length - 1;
}

import { Graph } from '../../lib/onnx/graph.ts';

/** A graph of nothing: with its session a runtime, or its part for one device, starts, and ends with it when it is the last one. */
export function firstGraph(): Uint8Array {
	const g = new Graph('start');
	g.output('y', g.input('x', 'float32', [1]), [1]);
	return g.serialize(() => {
		throw new Error('The first graph has no weights.');
	});
}

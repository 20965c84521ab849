import { innerInitializer, nodeBytes } from '../../lib/onnx/graph.ts';
import { readModelFile, withChanges, type FileNode } from '../../lib/onnx/model-file.ts';
import { float, int } from '../../lib/onnx/types.ts';

/** Constant that the new nodes share. */
const LAST_AXIS = 'norms_in_parts/last_axis';

/**
 * The graph with each LayerNormalization over the last axis in parts. onnxruntime-web 1.30 computes the operator value by value on WASM
 * (2,304 rows of 128: 2.9 ms, as long as their product with 128 × 128), and the parts with SIMD, in a third of that.
 *
 *   x ─┬─────────── Sub ─ SimplifiedLayerNormalization · scale ─ Add ─ y
 *      └ ReduceMean ─┘                                    bias ───┘
 */
export function normsInParts(graph: Uint8Array): Uint8Array {
	const { nodes, initializers } = readModelFile(graph);
	const isNorm = ({ op, domain, outputs, integers }: FileNode) =>
		op === 'LayerNormalization' &&
		domain === '' &&
		integers['axis'] === -1 &&
		outputs.filter((name) => name !== '').length === 1;
	if (!nodes.some(isNorm)) return graph;
	return withChanges(graph, {
		nodes: nodes.flatMap((node) => (isNorm(node) ? inParts(node) : [node.bytes])),
		initializers: [
			...initializers.map(({ bytes }) => bytes),
			innerInitializer(LAST_AXIS, { dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) })
		]
	});
}

function inParts({ name, inputs, outputs, floats }: FileNode): Uint8Array[] {
	const [x = '', scale = '', bias = ''] = inputs;
	const y = outputs[0]!;
	const of = (part: string) => `${name}/${part}`;
	const node = (op: string, from: readonly string[], to: string, attributes = {}) =>
		nodeBytes({ name: of(op), op, domain: '', inputs: from, outputs: [to], attributes });
	const normed = bias === '' ? y : of('normed');
	return [
		node('ReduceMean', [x, LAST_AXIS], of('mean')),
		node('Sub', [x, of('mean')], of('centred')),
		node('SimplifiedLayerNormalization', [of('centred'), scale], normed, {
			axis: int(-1),
			// What the standard has where none is given.
			epsilon: float(floats['epsilon'] ?? 1e-5)
		}),
		...(bias === '' ? [] : [node('Add', [normed, bias], y)])
	];
}

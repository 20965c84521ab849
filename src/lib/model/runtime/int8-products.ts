/**
 * Another way to multiply what is stored in 4 or 8 bits by blocks, which MatMulNBits expands to float32 for every call: when it is loaded, it
 * is made into 8 bits by column for DynamicQuantizeMatMul, or into float32 where that is faster.
 *
 * On WASM that is everything, as onnxruntime-web has no kernel for MatMulNBits (version 1.30; one row of 2048 × 5632 takes 18 ms, float32's
 * own product 1.9 ms, an 8-bit one 0.94 ms). In Node it is what is stored in 8 bits, the vision tower (`docs/SPEED.md`).
 */
import { toFloatColumns, toInt8Columns, type StoredMatrix } from '../../kernels/int8-columns.ts';
import { externalInitializer, innerInitializer, nodeBytes } from '../../onnx/graph.ts';
import { readModelFile, withChanges, type FileNode } from '../../onnx/model-file.ts';
import { int, onnxDataType, type WeightLocation } from '../../onnx/types.ts';
import type { GraphBytes } from './graph-bytes.ts';

const { float32: FLOAT32, int8: INT8 } = onnxDataType;
const ALIGNMENT = 64;
/** Where the weights of a rewritten graph lie. */
const FILE = 'products';

/** Constants that the new nodes share. */
const LAST_AXIS = 'products/last_axis';
/** What a row's largest magnitude is taken to be at least, so that a row of zeros stays one. */
const LEAST = 'products/least';

/** How a product is made. */
export type Product = 'int8' | 'float32';

export interface Int8Options {
	/** Only matrices stored in so many bits are made anew; all when absent. */
	readonly bits?: 4 | 8;
	/** No two neighbours of a column can overflow a kernel that adds their products in 16 bits (`toInt8Columns`). */
	readonly pairs?: boolean;
}

/**
 * A matrix much wider than long (a language model's head) is read once and multiplied by one row: float32 is faster there
 * (576 × 49152: 3.1 ms against 6.3).
 */
export function productOf(K: number, N: number): Product {
	return N >= 16 * K ? 'float32' : 'int8';
}

interface Made {
	readonly values: Placed;
	/** Of 8 bits by column; float32 has none. */
	readonly scales?: Placed;
}

/** A tensor of the new file. */
interface Placed {
	readonly name: string;
	readonly type: number;
	readonly dims: readonly number[];
	readonly location: WeightLocation;
}

/** Which nodes of a model multiply what is stored by blocks, in so many bits where they are given, with float32. */
function storedIn(
	{ initializers }: Pick<ReturnType<typeof readModelFile>, 'initializers'>,
	bits: 4 | 8 | undefined
): (node: FileNode) => boolean {
	const types = new Map(initializers.map(({ name, type }) => [name, type]));
	return ({ op, domain, inputs, integers }) =>
		op === 'MatMulNBits' &&
		domain === 'com.microsoft' &&
		types.get(inputs[2]!) === FLOAT32 &&
		(bits === undefined || integers['bits'] === bits);
}

/** Whether `int8Products` would change the graph, which takes no weights to tell. */
export function hasInt8Products(graph: Uint8Array, { bits }: Int8Options = {}): boolean {
	const file = readModelFile(graph);
	return file.nodes.some(storedIn(file, bits));
}

/** The graph with its block-quantised products replaced; what it was given when it has none. */
export function int8Products(
	{ graph, weights }: GraphBytes,
	{ bits: only, pairs = false }: Int8Options = {}
): GraphBytes {
	const file = readModelFile(graph);
	const isStored = storedIn(file, only);
	const stored = file.nodes.filter(isStored);
	if (stored.length === 0) return { graph, weights };

	const initializers = new Map(file.initializers.map((initializer) => [initializer.name, initializer]));
	const shards = new Map(weights.map(({ path, data }) => [path, data]));
	const bytesOf = (name: string): Uint8Array => {
		const { file: path, offset, length } = initializers.get(name)!.location!;
		return shards.get(path)!.subarray(offset, offset + length);
	};
	let length = 0;
	const place = (name: string, type: number, dims: readonly number[], bytes: number): Placed => {
		const location = { file: FILE, offset: length, length: bytes };
		length = Math.ceil((length + bytes) / ALIGNMENT) * ALIGNMENT;
		return { name, type, dims, location };
	};
	const gone = new Set(stored.flatMap(({ inputs }) => inputs.slice(1)));
	const kept = file.initializers.flatMap(({ name, type, dims, location }) =>
		location && !gone.has(name) ? [place(name, type, dims, location.length)] : []
	);
	const made = new Map<string, Made>();
	for (const { inputs, integers } of stored) {
		const { K = 0, N = 0 } = integers;
		const name = inputs[1]!;
		if (made.has(name)) continue;
		made.set(
			name,
			productOf(K, N) === 'float32'
				? { values: place(`${name}/float32`, FLOAT32, [K, N], 4 * K * N) }
				: {
						values: place(`${name}/int8`, INT8, [K, N], K * N),
						scales: place(`${name}/scale`, FLOAT32, [N], 4 * N)
					}
		);
	}

	const out = new Uint8Array(length);
	const view = <T>(
		type: new (buffer: ArrayBuffer, offset: number, length: number) => T,
		{ location }: Placed,
		size: number
	) => new type(out.buffer, location.offset, location.length / size);
	for (const placed of kept) out.set(bytesOf(placed.name), placed.location.offset);
	for (const { inputs, integers } of stored) {
		const [, packed = '', scales = '', zeroPoints = ''] = inputs;
		const { K = 0, N = 0, bits } = integers;
		const { values, scales: columnScales } = made.get(packed)!;
		const matrix: StoredMatrix = {
			rows: N,
			columns: K,
			bits: bits === 8 ? 8 : 4,
			packed: bytesOf(packed),
			scales: floats(bytesOf(scales)),
			zeroPoints: bytesOf(zeroPoints)
		};
		if (columnScales)
			toInt8Columns(matrix, view(Int8Array, values, 1), view(Float32Array, columnScales, 4), { pairs });
		else toFloatColumns(matrix, view(Float32Array, values, 4));
	}

	const rows = new Set<string>();
	const nodes = file.nodes.flatMap((node) => {
		if (!isStored(node)) return [node.bytes];
		const { values, scales } = made.get(node.inputs[1]!)!;
		return scales
			? int8Product(node, values.name, scales.name, rows)
			: [encode(node, 'MatMul', [node.inputs[0]!, values.name], node.outputs[0]!)];
	});
	const placed = [
		...kept,
		...[...made.values()].flatMap(({ values, scales }) => (scales ? [values, scales] : [values]))
	];
	return {
		graph: withChanges(graph, {
			nodes,
			initializers: [
				...file.initializers.flatMap(({ location, bytes }) => (location ? [] : [bytes])),
				...placed.map((tensor) => externalInitializer(tensor, tensor.location)),
				innerInitializer(LAST_AXIS, { dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) }),
				innerInitializer(LEAST, { dtype: 'float32', dims: [], data: Float32Array.of(2 ** -100) })
			]
		}),
		weights: [{ path: FILE, data: out }]
	};
}

/** What `accuracy_level` of MatMulNBits calls activations in 8 bits. */
const ACTIVATIONS_IN_8_BITS = 4;

/**
 * The graph with what is stored in 4 bits multiplied as it is, by activations that are rounded to 8 bits by blocks of 32, which asks for no
 * other weights. A product of 4 bits with 8 overflows nowhere. onnxruntime-web has no kernel for it on WASM.
 */
export function activationsIn8Bits(graph: Uint8Array): Uint8Array {
	const file = readModelFile(graph);
	const isStored = storedIn(file, 4);
	if (!file.nodes.some(isStored)) return graph;
	const level = { accuracy_level: int(ACTIVATIONS_IN_8_BITS) };
	return withChanges(graph, {
		nodes: file.nodes.map((node) => {
			if (!isStored(node)) return node.bytes;
			const { name, op, domain, inputs, outputs, integers } = node;
			const kept = Object.fromEntries(Object.entries(integers).map(([key, value]) => [key, int(value)]));
			return nodeBytes({ name, op, domain, inputs, outputs, attributes: { ...kept, ...level } });
		}),
		initializers: file.initializers.map(({ bytes }) => bytes)
	});
}

function floats(bytes: Uint8Array): Float32Array {
	// A shard's tensors lie on multiples of their elements' size, but the shard may lie anywhere.
	return new Float32Array(new Uint8Array(bytes).buffer);
}

/** A node in the place of `node`. */
function encode(
	node: FileNode,
	op: string,
	inputs: readonly string[],
	output: string,
	domain = ''
): Uint8Array {
	return nodeBytes({ name: `${node.name}/${op}`, op, domain, inputs, outputs: [output], attributes: {} });
}

/**
 * A product in 8 bits. The runtime's operator has one scale for all of its left side; rows divided by their own largest magnitude make
 * it one for every row, so that a position with large activations costs the others nothing.
 *
 *   x ─┬─────────────────────────── Div ─ DynamicQuantizeMatMul ─ Mul ─ y
 *      └ Abs ─ ReduceMax ─ Max(least) ┴────────────────────────────┘
 *
 * @param rows inputs whose rows are divided already, for another product
 */
function int8Product(node: FileNode, values: string, scales: string, rows: Set<string>): Uint8Array[] {
	const x = node.inputs[0]!;
	const of = (part: string) => `${x}/${part}`;
	const made = `${node.name}/scaled`;
	const divide = rows.has(x)
		? []
		: [
				encode(node, 'Abs', [x], of('size')),
				encode(node, 'ReduceMax', [of('size'), LAST_AXIS], of('most')),
				encode(node, 'Max', [of('most'), LEAST], of('divisor')),
				encode(node, 'Div', [x, of('divisor')], of('even'))
			];
	rows.add(x);
	return [
		...divide,
		encode(node, 'DynamicQuantizeMatMul', [of('even'), values, scales], made, 'com.microsoft'),
		encode(node, 'Mul', [made, of('divisor')], node.outputs[0]!)
	];
}

/**
 * Reads a decoder's graph: what of it the kernels compute, or why they do not. All is computed in float32; a graph's float16 is that of weights,
 * of the cache and of outputs.
 */
import { readModelFile, type FileInitializer, type FileNode } from '../../onnx/model-file.ts';
import { onnxDataType } from '../../onnx/types.ts';
import { halfToFloat32 } from '../../tensor/half.ts';
import { elementCount } from '../../tensor/tensor.ts';

/** Columns of a matrix that have a scale in common. */
export const BLOCK = 32;
const { float32: FLOAT32, float16: FLOAT16, uint8: UINT8 } = onnxDataType;
/** Largest width of heads that a thread has room for. */
const WIDEST_HEAD = 512;

/** A matrix stored in 4 bits: names of its tensors. */
export interface Matrix {
	readonly packed: string;
	readonly scales: string;
	readonly zeros: string;
	/** Rows and columns of the matrix. */
	readonly N: number;
	readonly K: number;
}

export interface AttentionNode {
	readonly op: 'attention';
	/** All of them one after the other in each row where key and value are absent. */
	readonly query: string;
	readonly key: string | undefined;
	readonly value: string | undefined;
	readonly pastKey: string;
	readonly pastValue: string;
	readonly cos: string;
	readonly sin: string;
	readonly heads: number;
	readonly kvHeads: number;
	/** 1 / √width when undefined */
	readonly scale: number | undefined;
	readonly output: string;
	readonly presentKey: string;
	readonly presentValue: string;
}

/** One node, by the names of what it reads and makes. */
export type PlannedNode =
	| { readonly op: 'product'; readonly x: string; readonly matrix: Matrix; readonly output: string }
	| {
			readonly op: 'normalize';
			readonly x: string;
			readonly skip: string | undefined;
			readonly weight: string;
			readonly epsilon: number;
			readonly output: string;
			readonly residual: string | undefined;
	  }
	| AttentionNode
	| { readonly op: 'quickGelu'; readonly x: string; readonly alpha: number; readonly output: string }
	| {
			readonly op: 'combine';
			readonly a: string;
			readonly b: string;
			readonly times: boolean;
			readonly output: string;
	  }
	| { readonly op: 'scale'; readonly x: string; readonly factor: number; readonly output: string }
	| { readonly op: 'gather'; readonly x: string; readonly rows: string; readonly output: string };

export interface Plan {
	readonly nodes: readonly PlannedNode[];
	/** Inputs that are keys or values of the positions before. */
	readonly pasts: ReadonlySet<string>;
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	/** Names by which outputs are made, where a node gives them another one. */
	readonly madeAs: ReadonlyMap<string, string>;
	/** Weights that are read as floats, float32 or float16. */
	readonly tables: ReadonlyMap<string, FileInitializer>;
	readonly initializers: ReadonlyMap<string, FileInitializer>;
	/** Outputs that are float16. */
	readonly halves: ReadonlySet<string>;
	/** Length of all positions; the name of the input. */
	readonly total: string | undefined;
}

/** What the kernels do not compute, in words that follow "since it has". */
export class NotPlanned extends Error {
	override readonly name = 'NotPlanned';
}

/** @throws NotPlanned when the graph has what the kernels do not know */
export function planGraph(graph: Uint8Array): Plan {
	const file = readModelFile(graph);
	const initializers = new Map(file.initializers.map((initializer) => [initializer.name, initializer]));
	const planner = new Planner(initializers);
	const nodes = file.nodes.flatMap((node) => planner.add(node));
	if (!nodes.some(({ op }) => op === 'product')) throw new NotPlanned('no matrices in 4 bits');
	const { madeAs, tables, total } = planner;
	const pasts = new Set(
		nodes.flatMap((node) => (node.op === 'attention' ? [node.pastKey, node.pastValue] : []))
	);
	const halves = new Set(file.outputs.filter((name) => file.outputTypes.get(name) === FLOAT16));
	const { inputs, outputs } = file;
	return { nodes, pasts, inputs, outputs, madeAs, tables, initializers, halves, total };
}

class Planner {
	readonly madeAs = new Map<string, string>();
	readonly tables = new Map<string, FileInitializer>();
	total: string | undefined;
	readonly #initializers: ReadonlyMap<string, FileInitializer>;

	constructor(initializers: ReadonlyMap<string, FileInitializer>) {
		this.#initializers = initializers;
	}

	add(node: FileNode): readonly PlannedNode[] {
		const { op, domain } = node;
		const known = domain === '' || domain === 'com.microsoft' ? this.#known[op] : undefined;
		if (!known) throw new NotPlanned(`the operator ${op}`);
		return known(node);
	}

	readonly #known: Readonly<Record<string, (node: FileNode) => readonly PlannedNode[]>> = {
		Identity: ({ inputs, outputs }) => {
			this.madeAs.set(outputs[0]!, this.#made(inputs[0]!));
			return [];
		},
		// Between the two floats; what is cast to something else is nothing the kernels take.
		Cast: ({ inputs, outputs, integers }) => {
			if (integers['to'] !== FLOAT32 && integers['to'] !== FLOAT16)
				throw new NotPlanned('a Cast to no float');
			this.madeAs.set(outputs[0]!, this.#made(inputs[0]!));
			return [];
		},
		MatMulNBits: (node) => {
			const [x = '', packed = '', scales = '', zeros = ''] = node.inputs;
			const { N = 0, K = 0, bits, block_size, ...others } = node.integers;
			// Levels of accuracy other than the runtime's own choice are choices for its kernels.
			const { accuracy_level: _, ...unknown } = others;
			if (bits !== 4 || block_size !== BLOCK)
				throw new NotPlanned(`matrices in ${bits} bits by blocks of ${block_size}`);
			if (node.inputs.length !== 4 || this.#type(zeros) !== UINT8 || this.#type(packed) !== UINT8)
				throw new NotPlanned('matrices without zero points of their own');
			if (!isFloat(this.#type(scales))) throw new NotPlanned('scales that are no floats');
			refuseOthers(node, unknown);
			return [
				{ op: 'product', x: this.#made(x), matrix: { packed, scales, zeros, N, K }, output: node.outputs[0]! }
			];
		},
		SimplifiedLayerNormalization: (node) => {
			const [x = '', weight = ''] = node.inputs;
			return [this.#norm(node, x, undefined, weight)];
		},
		SkipSimplifiedLayerNormalization: (node) => {
			const [x = '', skip = '', weight = '', bias] = node.inputs;
			if (bias) throw new NotPlanned('norms with a bias');
			return [this.#norm(node, x, this.#made(skip), weight)];
		},
		QuickGelu: (node) => [
			{
				op: 'quickGelu',
				x: this.#made(node.inputs[0]!),
				alpha: node.floats.alpha ?? 1.702,
				output: node.outputs[0]!
			}
		],
		Mul: (node) => [this.#combine(node, true)],
		Add: (node) => [this.#combine(node, false)],
		Gather: (node) => {
			const [x = '', rows = ''] = node.inputs;
			if (node.integers.axis !== 1 || this.#initializers.has(x) || this.#initializers.has(rows))
				throw new NotPlanned('a Gather of other than rows');
			return [{ op: 'gather', x: this.#made(x), rows, output: node.outputs[0]! }];
		},
		GroupQueryAttention: (node) => [this.#attention(node)]
	};

	#norm({ floats, outputs }: FileNode, x: string, skip: string | undefined, weight: string): PlannedNode {
		const [output = '', , , residual] = outputs;
		this.#table(weight);
		return {
			op: 'normalize',
			x: this.#made(x),
			skip,
			weight,
			epsilon: floats.epsilon ?? 1e-5,
			output,
			residual: residual || undefined
		};
	}

	#combine({ inputs, outputs }: FileNode, times: boolean): PlannedNode {
		const [a = '', b = ''] = inputs;
		const output = outputs[0]!;
		if (this.#initializers.has(a)) throw new NotPlanned('a constant on the left of a sum or product');
		const constant = this.#initializers.get(b);
		if (times && constant?.raw && isFloat(constant.type) && elementCount(constant.dims) === 1) {
			const view = new DataView(constant.raw.buffer, constant.raw.byteOffset);
			const factor =
				constant.type === FLOAT32 ? view.getFloat32(0, true) : halfToFloat32(view.getUint16(0, true));
			return { op: 'scale', x: this.#made(a), factor, output };
		}
		if (constant) this.#table(b);
		return { op: 'combine', a: this.#made(a), b: this.#made(b), times, output };
	}

	#attention(node: FileNode): AttentionNode {
		const [query = '', key = '', value = '', pastKey = '', pastValue = '', , total = '', cos = '', sin = ''] =
			node.inputs;
		const { num_heads = 0, kv_num_heads = 0, do_rotary, rotary_interleaved = 0, ...unknown } = node.integers;
		const { scale, ...floats } = node.floats;
		if (do_rotary !== 1 || rotary_interleaved !== 0 || node.inputs.length !== 9)
			throw new NotPlanned('attention with other rotary embeddings');
		refuseOthers(node, { ...unknown, ...floats });
		this.#table(cos);
		this.#table(sin);
		const width = 2 * (this.#initializers.get(cos)!.dims[1] ?? 0);
		if (width === 0 || width % 8 !== 0 || width > WIDEST_HEAD)
			throw new NotPlanned(`heads of ${width} columns`);
		this.total = total;
		const [output = '', presentKey = '', presentValue = ''] = node.outputs;
		return {
			...{ op: 'attention', query: this.#made(query), pastKey, pastValue, cos, sin, scale },
			key: key ? this.#made(key) : undefined,
			value: value ? this.#made(value) : undefined,
			...{ heads: num_heads, kvHeads: kv_num_heads, output, presentKey, presentValue }
		};
	}

	/** The name by which a value was made. */
	#made(name: string): string {
		return this.madeAs.get(name) ?? name;
	}

	#type(name: string): number | undefined {
		return this.#initializers.get(name)?.type;
	}

	/** Notes that the kernels read this weight as floats. */
	#table(name: string): void {
		const table = this.#initializers.get(name);
		if (!table || !isFloat(table.type)) throw new NotPlanned('norms, biases or angles that are no floats');
		this.tables.set(name, table);
	}
}

const isFloat = (type: number | undefined) => type === FLOAT32 || type === FLOAT16;

function refuseOthers({ op }: FileNode, attributes: Readonly<Record<string, unknown>>): void {
	const [name] = Object.keys(attributes);
	if (name !== undefined) throw new NotPlanned(`${op} with the attribute ${name}`);
}

import { elementCount, type Tensor } from '../tensor/tensor.ts';
import {
	AttributeProto,
	AttributeType,
	DataLocation,
	Dimension,
	GraphProto,
	ModelProto,
	NodeProto,
	OperatorSetIdProto,
	StringStringEntryProto,
	TensorProto,
	TensorShapeProto,
	TypeProto,
	TypeProtoTensor,
	ValueInfoProto
} from './onnx-proto.ts';
import { ProtoWriter } from '../bytes/protobuf.ts';
import {
	onnxDataType,
	type Attribute,
	type Dim,
	type Value,
	type ValueType,
	type Weight,
	type WeightLocation
} from './types.ts';

export interface Node {
	readonly name: string;
	readonly op: string;
	readonly domain: string;
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Port {
	readonly name: string;
	readonly dtype: ValueType;
	readonly dims: readonly Dim[];
}

/** Version 10 of the intermediate representation came with opset 21. */
const IR_VERSION = 10;
/** Version of the operators, by domain; '' is ONNX's own. */
const opsets = { '': 21, 'com.microsoft': 1 };

interface NodeOptions {
	/** '' for ONNX's own operators. */
	readonly domain?: string;
	/** Types of the outputs; one output of the first input's type when absent. `null` leaves an optional output out. */
	readonly outputs?: readonly (ValueType | null)[];
}

/** Contents shared by a graph and the scopes made from it. */
class Store {
	readonly nodes: Node[] = [];
	readonly inputs: Port[] = [];
	readonly outputs: Port[] = [];
	readonly constants = new Map<string, Tensor<ValueType>>();
	readonly weights = new Map<string, Weight>();
	readonly taken = new Set<string>();
	/** Public names of values that nodes make, by the names that they were made under. */
	readonly published = new Map<string, string>();

	/** A value's name in the file. */
	nameOf(name: string): string {
		return this.published.get(name) ?? name;
	}

	/** The nodes as they are in the file. */
	get named(): Node[] {
		const nameOf = (name: string) => this.nameOf(name);
		return this.nodes.map((node) => ({
			...node,
			inputs: node.inputs.map(nameOf),
			outputs: node.outputs.map(nameOf)
		}));
	}
}

/**
 * An ONNX graph in the making. Node names are paths of the model (`scope`), an output is named after its node:
 * `encoder/layers.0/self_attn/q_proj/MatMul` makes `encoder/layers.0/self_attn/q_proj/MatMul:0`.
 */
export class Graph {
	readonly name: string;
	readonly #path: string;
	readonly #store: Store;

	constructor(name: string, path = '', store: Store = new Store()) {
		this.name = name;
		this.#path = path;
		this.#store = store;
	}

	/** The same graph, with `path` put before the names of new nodes. */
	scope(path: string | number): Graph {
		return new Graph(this.name, this.#path ? `${this.#path}/${path}` : String(path), this.#store);
	}

	get weights(): readonly Weight[] {
		return [...this.#store.weights.values()];
	}

	/** Tensors kept inside the graph, by name. */
	get constants(): ReadonlyMap<string, Tensor<ValueType>> {
		return this.#store.constants;
	}

	/** Node count by operator, for tests and `inspect`. */
	operators(): Record<string, number> {
		const counts: Record<string, number> = {};
		for (const node of this.#store.nodes) counts[node.op] = (counts[node.op] ?? 0) + 1;
		return counts;
	}

	/** The nodes in the order in which they were added. */
	nodes(): readonly Node[] {
		return this.#store.named;
	}

	/** Names and dims of inputs and outputs. */
	ports(): { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] } {
		return { inputs: this.#store.inputs, outputs: this.#store.outputs };
	}

	#unique(wanted: string): string {
		let name = wanted;
		for (let n = 1; this.#store.taken.has(name); n++) name = `${wanted}_${n}`;
		this.#store.taken.add(name);
		return name;
	}

	input(name: string, dtype: ValueType, dims: readonly Dim[]): Value {
		if (this.#store.taken.has(name)) throw new Error(`Graph ${this.name} has two values named ${name}.`);
		this.#store.taken.add(name);
		this.#store.inputs.push({ name, dtype, dims });
		return { name, dtype };
	}

	/**
	 * Declares a value as a graph output under its own public name. What a node makes is called so itself: a node for the name alone
	 * would copy the value in every run, whether it is fetched or not.
	 */
	output(name: string, value: Value, dims: readonly Dim[]): void {
		const { taken, outputs, nodes, published } = this.#store;
		if (taken.has(name)) throw new Error(`Graph ${this.name} has two values named ${name}.`);
		taken.add(name);
		outputs.push({ name, dtype: value.dtype, dims });
		const made = nodes.some((node) => node.outputs.includes(value.name));
		if (made && !published.has(value.name)) published.set(value.name, name);
		else
			nodes.push({
				name: `output/${name}`,
				op: 'Identity',
				domain: '',
				inputs: [value.name],
				outputs: [name],
				attributes: {}
			});
	}

	/** A small tensor kept inside the graph. Equal constants are stored once. */
	constant(value: Tensor<ValueType>): Value {
		const key = `${value.dtype}[${value.dims.join(',')}](${value.data.length <= 64 ? Array.from(value.data as ArrayLike<unknown>, String).join(',') : this.#store.constants.size})`;
		const name = `constant/${key}`;
		if (!this.#store.constants.has(name)) this.#store.constants.set(name, value);
		return { name, dtype: value.dtype };
	}

	ints(values: readonly number[]): Value {
		return this.constant({ dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
	}

	scalar(value: number): Value {
		return this.constant({ dtype: 'float32', dims: [], data: Float32Array.of(value) });
	}

	/** A tensor in a weight shard. The same weight may be used by several nodes. */
	weight(weight: Weight): Value {
		const known = this.#store.weights.get(weight.name);
		if (known && (known.dtype !== weight.dtype || known.dims.join() !== weight.dims.join()))
			throw new Error(`Weight ${weight.name} is used with two shapes or types.`);
		if (!known) this.#store.weights.set(weight.name, weight);
		return { name: weight.name, dtype: weight.dtype };
	}

	/** Adds a node. An input left undefined is an optional input left out. */
	node(
		op: string,
		inputs: readonly (Value | undefined)[],
		attributes: Readonly<Record<string, Attribute>> = {},
		{ domain = '', outputs }: NodeOptions = {}
	): Value[] {
		const name = this.#unique(this.#path ? `${this.#path}/${op}` : op);
		const types = outputs ?? [inputs[0]?.dtype ?? 'float32'];
		const values = types.map((dtype, i) => ({
			name: dtype ? `${name}:${i}` : '',
			dtype: dtype ?? 'float32'
		}));
		const names = inputs.map((input) => input?.name ?? '');
		while (names.at(-1) === '') names.pop();
		this.#store.nodes.push({
			name,
			op,
			domain,
			inputs: names,
			outputs: values.map((v) => v.name),
			attributes
		});
		return values;
	}

	/** Adds a node with one output. */
	op(
		op: string,
		inputs: readonly (Value | undefined)[],
		attributes: Readonly<Record<string, Attribute>> = {},
		options: { readonly domain?: string; readonly dtype?: ValueType } = {}
	): Value {
		const [value] = this.node(op, inputs, attributes, {
			domain: options.domain,
			outputs: options.dtype ? [options.dtype] : undefined
		});
		if (!value) throw new Error(`${op} made no output.`);
		return value;
	}

	/** Serialises to a ModelProto (opset 21) whose weights lie at `locate(weight)`. */
	serialize(
		locate: (weight: Weight) => WeightLocation,
		metadata: Readonly<Record<string, string>> = {}
	): Uint8Array {
		const { named: nodes, inputs, outputs, constants, weights } = this.#store;
		const model = new ProtoWriter();
		model.int(ModelProto.ir_version, IR_VERSION).string(ModelProto.producer_name, 'honeybee-workbench');
		model.message(ModelProto.graph, (graph) => {
			for (const node of nodes) graph.message(GraphProto.node, (to) => writeNode(to, node));
			graph.string(GraphProto.name, this.name);
			for (const [name, value] of constants)
				graph.bytes(GraphProto.initializer, innerInitializer(name, value));
			for (const weight of weights.values())
				graph.bytes(
					GraphProto.initializer,
					externalInitializer({ ...weight, type: onnxDataType[weight.dtype] }, locate(weight))
				);
			for (const port of inputs) graph.message(GraphProto.input, (to) => writePort(to, port));
			for (const port of outputs) graph.message(GraphProto.output, (to) => writePort(to, port));
		});
		for (const [domain, version] of Object.entries(opsets))
			model.message(ModelProto.opset_import, (to) =>
				to.string(OperatorSetIdProto.domain, domain).int(OperatorSetIdProto.version, version)
			);
		for (const entry of Object.entries(metadata)) writeEntry(model, ModelProto.metadata_props, entry);
		return model.finish();
	}
}

/** Bytes of a weight, from its type and shape. */
export function weightByteLength(weight: Pick<Weight, 'dtype' | 'dims'>): number {
	const size = { float32: 4, float16: 2, int64: 8, int32: 4, int8: 1, uint8: 1, bool: 1 }[weight.dtype];
	return elementCount(weight.dims) * size;
}

/** A StringStringEntryProto. */
function writeEntry(to: ProtoWriter, field: number, [key, value]: readonly [string, string]): void {
	to.message(field, (entry) =>
		entry.string(StringStringEntryProto.key, key).string(StringStringEntryProto.value, value)
	);
}

interface TensorHead {
	readonly name: string;
	readonly dims: readonly number[];
	/** TensorProto.DataType */
	readonly type: number;
}

/** Shape, type and name of a TensorProto. */
function writeTensorHead(to: ProtoWriter, { name, dims, type }: TensorHead): void {
	for (const dim of dims) to.int(TensorProto.dims, dim);
	to.int(TensorProto.data_type, type).string(TensorProto.name, name);
}

/** A TensorProto that holds its values. */
export function innerInitializer(name: string, { dtype, dims, data }: Tensor<ValueType>): Uint8Array {
	const to = new ProtoWriter();
	writeTensorHead(to, { name, dims, type: onnxDataType[dtype] });
	return to
		.bytes(TensorProto.raw_data, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
		.finish();
}

/** A TensorProto whose values lie in another file. */
export function externalInitializer(head: TensorHead, { file, offset, length }: WeightLocation): Uint8Array {
	const to = new ProtoWriter();
	writeTensorHead(to, head);
	const place = { location: file, offset: String(offset), length: String(length) };
	for (const entry of Object.entries(place)) writeEntry(to, TensorProto.external_data, entry);
	return to.int(TensorProto.data_location, DataLocation.EXTERNAL).finish();
}

/** A NodeProto. */
export function nodeBytes(node: Node): Uint8Array {
	const to = new ProtoWriter();
	writeNode(to, node);
	return to.finish();
}

function writeNode(to: ProtoWriter, node: Node): void {
	for (const input of node.inputs) to.string(NodeProto.input, input);
	for (const output of node.outputs) to.string(NodeProto.output, output);
	to.string(NodeProto.name, node.name).string(NodeProto.op_type, node.op);
	for (const [name, attribute] of Object.entries(node.attributes))
		to.message(NodeProto.attribute, (field) => {
			field.string(AttributeProto.name, name);
			if ('int' in attribute)
				field.int(AttributeProto.i, attribute.int).int(AttributeProto.type, AttributeType.INT);
			else if ('float' in attribute)
				field.float(AttributeProto.f, attribute.float).int(AttributeProto.type, AttributeType.FLOAT);
			else if ('string' in attribute)
				field.string(AttributeProto.s, attribute.string).int(AttributeProto.type, AttributeType.STRING);
			else {
				for (const value of attribute.ints) field.int(AttributeProto.ints, value);
				field.int(AttributeProto.type, AttributeType.INTS);
			}
		});
	if (node.domain) to.string(NodeProto.domain, node.domain);
}

/** A ValueInfoProto of a tensor. */
export function portBytes(port: Port): Uint8Array {
	const to = new ProtoWriter();
	writePort(to, port);
	return to.finish();
}

function writePort(to: ProtoWriter, port: Port): void {
	to.string(ValueInfoProto.name, port.name).message(ValueInfoProto.type, (type) =>
		type.message(TypeProto.tensor_type, (tensor) =>
			tensor
				.int(TypeProtoTensor.elem_type, onnxDataType[port.dtype])
				.message(TypeProtoTensor.shape, (shape) => {
					for (const dim of port.dims)
						shape.message(TensorShapeProto.dim, (entry) =>
							typeof dim === 'number'
								? entry.int(Dimension.dim_value, dim)
								: entry.string(Dimension.dim_param, dim)
						);
				})
		)
	);
}

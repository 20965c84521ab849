import { protobufFields, ProtoWriter } from '../bytes/protobuf.ts';
import {
	AttributeProto,
	DataLocation,
	GraphProto,
	ModelProto,
	NodeProto,
	StringStringEntryProto,
	TensorProto,
	TypeProto,
	TypeProtoTensor,
	ValueInfoProto
} from './onnx-proto.ts';
import type { WeightLocation } from './types.ts';

/** A node of a serialised model; `bytes` is its NodeProto as it stands there. */
export interface FileNode {
	readonly bytes: Uint8Array;
	readonly name: string;
	readonly op: string;
	readonly domain: string;
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	/** Attributes that are one integer. */
	readonly integers: Readonly<Record<string, number>>;
	/** Attributes that are one number. */
	readonly floats: Readonly<Record<string, number>>;
	/** Attributes that are several integers. */
	readonly lists: Readonly<Record<string, readonly number[]>>;
}

/** An initializer of a serialised model; `bytes` is its TensorProto as it stands there. */
export interface FileInitializer {
	readonly bytes: Uint8Array;
	readonly name: string;
	readonly dims: readonly number[];
	/** TensorProto.DataType */
	readonly type: number;
	/** Where its values lie when they lie outside the model. */
	readonly location?: WeightLocation;
	/** Its values when they lie inside as raw data. */
	readonly raw?: Uint8Array;
}

/** What is changed of a serialised model; everything else is copied byte by byte. */
export interface FileChanges {
	/** The nodes of the graph, in order. */
	readonly nodes: readonly Uint8Array[];
	readonly initializers: readonly Uint8Array[];
	/** Inputs that the graph gets besides its own, each a ValueInfoProto. */
	readonly moreInputs?: readonly Uint8Array[];
}

const utf8 = new TextDecoder();
const isBytes = (value: number | Uint8Array): value is Uint8Array => typeof value !== 'number';

function text(value: number | Uint8Array): string {
	return isBytes(value) ? utf8.decode(value) : '';
}

/** Four bytes of the wire as a number. */
const floatOf = ({ buffer, byteOffset }: Uint8Array): number =>
	new DataView(buffer, byteOffset).getFloat32(0, true);

function readNode(bytes: Uint8Array): FileNode {
	const node = { name: '', op: '', domain: '' };
	const [inputs, outputs]: [string[], string[]] = [[], []];
	const integers: Record<string, number> = {};
	const floats: Record<string, number> = {};
	const lists: Record<string, readonly number[]> = {};
	for (const { field, value } of protobufFields(bytes)) {
		if (field === NodeProto.input) inputs.push(text(value));
		else if (field === NodeProto.output) outputs.push(text(value));
		else if (field === NodeProto.name) node.name = text(value);
		else if (field === NodeProto.op_type) node.op = text(value);
		else if (field === NodeProto.domain) node.domain = text(value);
		else if (field === NodeProto.attribute && isBytes(value)) {
			let name = '';
			let integer: number | undefined;
			let float: number | undefined;
			const list: number[] = [];
			for (const part of protobufFields(value)) {
				if (part.field === AttributeProto.name) name = text(part.value);
				else if (part.field === AttributeProto.i && typeof part.value === 'number') integer = part.value;
				else if (part.field === AttributeProto.f && isBytes(part.value)) float = floatOf(part.value);
				else if (part.field === AttributeProto.ints && typeof part.value === 'number') list.push(part.value);
			}
			if (integer !== undefined) integers[name] = integer;
			if (float !== undefined) floats[name] = float;
			if (list.length > 0) lists[name] = list;
		}
	}
	return { bytes, ...node, inputs, outputs, integers, floats, lists };
}

function readInitializer(bytes: Uint8Array): FileInitializer {
	let name = '';
	let type = 0;
	let external = false;
	let raw: Uint8Array | undefined;
	const dims: number[] = [];
	const place: Record<string, string> = {};
	for (const { field, value } of protobufFields(bytes)) {
		if (field === TensorProto.name) name = text(value);
		else if (field === TensorProto.dims && !isBytes(value)) dims.push(value);
		else if (field === TensorProto.data_type && !isBytes(value)) type = value;
		else if (field === TensorProto.raw_data && isBytes(value)) raw = value;
		else if (field === TensorProto.data_location) external = value === DataLocation.EXTERNAL;
		else if (field === TensorProto.external_data && isBytes(value)) {
			const entry = { key: '', value: '' };
			for (const part of protobufFields(value))
				if (part.field === StringStringEntryProto.key) entry.key = text(part.value);
				else if (part.field === StringStringEntryProto.value) entry.value = text(part.value);
			place[entry.key] = entry.value;
		}
	}
	const { location: file, offset = '0', length } = place;
	if (!external || file === undefined || length === undefined)
		return { bytes, name, dims, type, ...(raw && { raw }) };
	return { bytes, name, dims, type, location: { file, offset: Number(offset), length: Number(length) } };
}

/** The name of a ValueInfoProto. */
function portName(bytes: Uint8Array): string {
	for (const { field, value } of protobufFields(bytes)) if (field === ValueInfoProto.name) return text(value);
	return '';
}

/** TensorProto.DataType of a ValueInfoProto; 0 where it has none. */
function portType(bytes: Uint8Array): number {
	const inside = (all: Uint8Array, wanted: number) =>
		[...protobufFields(all)].find(({ field }) => field === wanted)?.value;
	const type = inside(bytes, ValueInfoProto.type);
	const tensor = type !== undefined && isBytes(type) ? inside(type, TypeProto.tensor_type) : undefined;
	const element =
		tensor !== undefined && isBytes(tensor) ? inside(tensor, TypeProtoTensor.elem_type) : undefined;
	return typeof element === 'number' ? element : 0;
}

/** Nodes and initializers of a serialised model, and the names of what goes in and comes out. @throws RangeError when it is cut off or none */
export function readModelFile(model: Uint8Array): {
	readonly nodes: readonly FileNode[];
	readonly initializers: readonly FileInitializer[];
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	/** TensorProto.DataType of outputs, by name. */
	readonly outputTypes: ReadonlyMap<string, number>;
} {
	const nodes: FileNode[] = [];
	const initializers: FileInitializer[] = [];
	const outputTypes = new Map<string, number>();
	const [inputs, outputs]: [string[], string[]] = [[], []];
	for (const { field, value } of protobufFields(model)) {
		if (field !== ModelProto.graph || !isBytes(value)) continue;
		for (const part of protobufFields(value)) {
			if (!isBytes(part.value)) continue;
			if (part.field === GraphProto.node) nodes.push(readNode(part.value));
			else if (part.field === GraphProto.initializer) initializers.push(readInitializer(part.value));
			else if (part.field === GraphProto.input) inputs.push(portName(part.value));
			else if (part.field === GraphProto.output) {
				outputs.push(portName(part.value));
				outputTypes.set(portName(part.value), portType(part.value));
			}
		}
	}
	return { nodes, initializers, inputs, outputs, outputTypes };
}

/** The model with other nodes and initializers. */
export function withChanges(
	model: Uint8Array,
	{ nodes, initializers, moreInputs = [] }: FileChanges
): Uint8Array {
	const out = new ProtoWriter();
	for (const { field, value } of protobufFields(model)) {
		if (!isBytes(value)) out.int(field, value);
		else if (field !== ModelProto.graph) out.bytes(field, value);
		else
			out.message(field, (graph) => {
				for (const node of nodes) graph.bytes(GraphProto.node, node);
				for (const initializer of initializers) graph.bytes(GraphProto.initializer, initializer);
				for (const part of protobufFields(value))
					if (isBytes(part.value) && part.field !== GraphProto.node && part.field !== GraphProto.initializer)
						graph.bytes(part.field, part.value);
				for (const input of moreInputs) graph.bytes(GraphProto.input, input);
			});
	}
	return out.finish();
}

/** TensorProto.DataType of float32. */
const FLOAT32 = 1;

/**
 * The part of the model that float32 values inside it are made by, with these as its only outputs, under their own names. Inputs stay.
 * @throws RangeError when no node makes one of them
 */
export function withOutputs(model: Uint8Array, outputs: readonly string[]): Uint8Array {
	const file = readModelFile(model);
	const makers = new Map(file.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
	const missing = outputs.find((name) => !makers.has(name));
	if (missing !== undefined) throw new RangeError(`No node of the model makes "${missing}".`);
	const needed = new Set<FileNode>();
	const values = new Set<string>();
	const open = [...outputs];
	for (let name = open.pop(); name !== undefined; name = open.pop()) {
		if (values.has(name)) continue;
		values.add(name);
		const node = makers.get(name);
		if (!node) continue;
		needed.add(node);
		open.push(...node.inputs.filter((input) => input !== ''));
	}
	const pruned = withChanges(model, {
		nodes: file.nodes.filter((node) => needed.has(node)).map(({ bytes }) => bytes),
		initializers: file.initializers.filter(({ name }) => values.has(name)).map(({ bytes }) => bytes)
	});
	const out = new ProtoWriter();
	for (const { field, value } of protobufFields(pruned)) {
		if (!isBytes(value)) out.int(field, value);
		else if (field !== ModelProto.graph) out.bytes(field, value);
		else
			out.message(field, (graph) => {
				for (const part of protobufFields(value))
					if (isBytes(part.value) && part.field !== GraphProto.output) graph.bytes(part.field, part.value);
				for (const name of outputs)
					graph.message(GraphProto.output, (port) =>
						port.string(ValueInfoProto.name, name).message(ValueInfoProto.type, (type) =>
							type.message(TypeProto.tensor_type, (tensor) => {
								tensor.int(TypeProtoTensor.elem_type, FLOAT32);
							})
						)
					);
			});
	}
	return out.finish();
}

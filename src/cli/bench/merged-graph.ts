import { GraphProto, ModelProto, TensorProto, ValueInfoProto } from '../../lib/onnx/onnx-proto.ts';
import { protobufFields, ProtoWriter } from '../../lib/bytes/protobuf.ts';
import type { TextConfig } from '../../lib/model/config.ts';
import { Graph } from '../../lib/onnx/graph.ts';
import { Cast, Shape, Sub } from '../../lib/onnx/ops.ts';
import { int } from '../../lib/onnx/types.ts';

/**
 * One text-generation graph of the common layout, from the embedding and the language graphs of a model folder:
 *
 *   input_ids ─────── embedding ─ inputs_embeds ─┐
 *   attention_mask ── sum − 1 ── seqlens_k ──────┤
 *   attention_mask ── length ─── total_sequence… ┼─ language ─ logits [batch, 1, vocab], present.*
 *   input_ids ─────── length − 1 ─ logit_positions┤
 *   position_ids, past_key_values.* ─────────────┘
 *
 * So other runtimes run the very same operators on the very same weight files.
 */
export function mergedGraph(
	embedding: Uint8Array,
	language: readonly Uint8Array[],
	cache: CacheShape
): Uint8Array {
	const parts = [embedding, glue(cache), ...language].map(readGraph);
	const made = new Set(parts.flatMap(({ outputs }) => outputs.map(({ name }) => name)));
	const needed = new Set(parts.flatMap(({ inputs }) => inputs.map(({ name }) => name)));
	const wanted = (name: string) => name === 'logits' || name.startsWith('present.');
	const model = new ProtoWriter();
	model.int(1, 10);
	model.message(7, (graph) => {
		for (const { nodes } of parts) for (const bytes of nodes) graph.bytes(1, bytes);
		graph.string(2, 'text-generation');
		for (const { bytes } of unique(parts.flatMap((part) => part.initializers))) graph.bytes(5, bytes);
		for (const { name, bytes } of unique(parts.flatMap((part) => part.inputs)))
			if (!made.has(name)) graph.bytes(11, bytes);
		for (const { name, bytes } of parts.flatMap((part) => part.outputs))
			if (wanted(name) && !needed.has(name)) graph.bytes(12, bytes);
	});
	model.message(8, (opset) => opset.string(1, '').int(2, 21));
	model.message(8, (opset) => opset.string(1, 'com.microsoft').int(2, 1));
	return model.finish();
}

/** Layers, widths and type of the cache. */
export interface CacheShape extends Pick<
	TextConfig,
	'num_hidden_layers' | 'num_key_value_heads' | 'head_dim'
> {
	readonly kv_dtype: 'float32' | 'float16';
}

/** What the language graph wants to know about the sequence, from the inputs that other runtimes give. */
function glue({ num_hidden_layers, num_key_value_heads, head_dim, kv_dtype }: CacheShape): Uint8Array {
	const g = new Graph('glue', 'glue');
	// transformers.js makes the empty cache from these axis names; the first declaration of an input is the one kept.
	for (let i = 0; i < num_hidden_layers; i++)
		for (const what of ['key', 'value'])
			g.input(`past_key_values.${i}.${what}`, kv_dtype, [
				'batch_size',
				num_key_value_heads,
				'past_sequence_length',
				head_dim
			]);
	const ids = g.input('input_ids', 'int64', ['batch', 'position']);
	const mask = g.input('attention_mask', 'int64', ['batch', 'total']);
	const one = g.ints([1]);
	const lengths = g.op('ReduceSum', [mask, one], { keepdims: int(0) });
	g.output('seqlens_k', Cast(g.scope('seqlens_k'), Sub(g, lengths, one), 'int32'), ['batch']);
	g.output(
		'total_sequence_length',
		Cast(g.scope('total'), Shape(g.scope('total'), mask, 1, 2), 'int32'),
		[1]
	);
	g.output('logit_positions', Sub(g.scope('last'), Shape(g.scope('last'), ids, 1, 2), one), [
		'logit_position'
	]);
	return g.serialize(() => {
		throw new Error('The glue has no weights.');
	});
}

interface Named {
	readonly name: string;
	readonly bytes: Uint8Array;
}

interface GraphParts {
	readonly nodes: readonly Uint8Array[];
	readonly initializers: readonly Named[];
	readonly inputs: readonly Named[];
	readonly outputs: readonly Named[];
}

function readGraph(model: Uint8Array): GraphParts {
	const graph = fields(model).find(({ field }) => field === ModelProto.graph);
	if (!graph) throw new Error('A graph file holds no graph.');
	const all = fields(graph.bytes);
	const of = (field: number) => all.filter((entry) => entry.field === field).map(({ bytes }) => bytes);
	const named = (field: number, nameField: number) =>
		of(field).map((bytes) => {
			const name = fields(bytes).find((entry) => entry.field === nameField);
			return { name: new TextDecoder().decode(name?.bytes), bytes };
		});
	return {
		nodes: of(GraphProto.node),
		initializers: named(GraphProto.initializer, TensorProto.name),
		inputs: named(GraphProto.input, ValueInfoProto.name),
		outputs: named(GraphProto.output, ValueInfoProto.name)
	};
}

/** The first of each name; parts may share constants and inputs, but only equal ones. */
function unique(entries: readonly Named[]): Named[] {
	const seen = new Map<string, Named>();
	for (const entry of entries) seen.set(entry.name, seen.get(entry.name) ?? entry);
	return [...seen.values()];
}

/** Length-delimited fields of a protobuf message, in order. */
function fields(message: Uint8Array): { readonly field: number; readonly bytes: Uint8Array }[] {
	return [...protobufFields(message)].flatMap(({ field, value }) =>
		typeof value === 'number' ? [] : [{ field, bytes: value }]
	);
}

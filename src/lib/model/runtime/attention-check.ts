import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-common';
import { Graph } from '../../onnx/graph.ts';
import { GroupQueryAttention } from '../../onnx/ops.ts';
import { float32ToHalf, halvesToFloat32, toFloat32 } from '../../tensor/half.ts';
import type { TextConfig } from '../config.ts';
import type { FixedMemory } from './backend.ts';
import { disposeAll, toTensor } from './graph-session.ts';

/** Makes a session of a graph; the named outputs stay on the device. */
export type SessionMaker = (graph: Uint8Array, stayOnDevice: readonly string[]) => Promise<InferenceSession>;

/** Largest error, relative to the largest value, that a correct kernel may have; in float16 it adds up in float16. */
export const ATTENTION_TOLERANCE = { float32: 1e-3, float16: 1e-2 } as const;

/** What kernels of attention are made for. */
export type AttentionShape = Pick<TextConfig, 'num_attention_heads' | 'num_key_value_heads' | 'head_dim'>;

/** Where no model's own is checked. */
const USUAL: AttentionShape = { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 32 };

export interface AttentionTestOptions {
	readonly type?: 'float32' | 'float16';
	readonly shape?: AttentionShape | undefined;
	/** The cache is written in place in it as well; when absent, every part only makes a new one. */
	readonly memory?: FixedMemory | undefined;
}

const LENGTH = 49;
/** Prompts shorter and longer than the tile of 32 at which kernels differ, with and without a past, and a single step. */
const SPLITS = [[48, 1], [15, 33, 1], [LENGTH]] as const;

/**
 * Runs the attention that the language model consists of on known numbers, and compares with the same computed here.
 * A kernel that is wrong on an adapter says nothing; this is how it is found out.
 * @returns the largest error relative to the largest value; Infinity for values that are not numbers
 */
export async function attentionError(
	create: SessionMaker,
	Tensor: TensorConstructor,
	{ type = 'float32', shape = USUAL, memory }: AttentionTestOptions = {}
): Promise<number> {
	const session = await create(attentionGraph(type, shape), ['present_key', 'present_value']);
	const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: dh } = shape;
	try {
		const query = numbers(LENGTH * heads * dh, 1, type);
		const key = numbers(LENGTH * kvHeads * dh, 2, type);
		const value = numbers(LENGTH * kvHeads * dh, 3, type);
		const expected = attention(query, key, value, shape);
		const scale = expected.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
		let error = 0;
		for (const split of SPLITS) {
			const inputs = { query, key, value };
			for (const place of memory ? [undefined, memory] : [undefined]) {
				const actual = await runInParts({ session, Tensor, memory: place }, split, inputs, type, shape);
				for (let i = 0; i < expected.length; i++) {
					const distance = Math.abs(actual[i]! - expected[i]!);
					error = Math.max(error, Number.isFinite(distance) ? distance : Infinity);
				}
			}
		}
		return error / scale;
	} finally {
		await session.release();
	}
}

/** query, key, value, past ─ GroupQueryAttention with rotary embedding ─ output, present */
function attentionGraph(
	type: 'float32' | 'float16',
	{ num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: dh }: AttentionShape
): Uint8Array {
	const g = new Graph('attention_test');
	const width = (count: number) => ['batch', 'position', count * dh];
	const past = ['batch', kvHeads, 'past', dh];
	const rotary = (f: (angle: number) => number) => {
		const dims = [LENGTH, dh / 2];
		const data = Float32Array.from({ length: (LENGTH * dh) / 2 }, (_, i) =>
			f(angle(Math.floor(i / (dh / 2)), i % (dh / 2), dh))
		);
		return g.constant(
			type === 'float16'
				? { dtype: 'float16', dims, data: float32ToHalf(data) }
				: { dtype: 'float32', dims, data }
		);
	};
	const { output, presentKey, presentValue } = GroupQueryAttention(
		g,
		{
			query: g.input('query', type, width(heads)),
			key: g.input('key', type, width(kvHeads)),
			value: g.input('value', type, width(kvHeads)),
			pastKey: g.input('past_key', type, past),
			pastValue: g.input('past_value', type, past),
			seqlensK: g.input('seqlens_k', 'int32', ['batch']),
			totalSequenceLength: g.input('total_sequence_length', 'int32', [1]),
			cosCache: rotary(Math.cos),
			sinCache: rotary(Math.sin)
		},
		{ numHeads: heads, kvNumHeads: kvHeads, scale: 1 / Math.sqrt(dh) }
	);
	const present = ['batch', kvHeads, 'total', dh];
	g.output('output', output, width(heads));
	g.output('present_key', presentKey, present);
	g.output('present_value', presentValue, present);
	return g.serialize(() => {
		throw new Error('The attention test has no weights.');
	});
}

/** Positions that a cache written in place has room for. */
const ROOM = 64;

interface Runtime {
	readonly session: InferenceSession;
	readonly Tensor: TensorConstructor;
	readonly memory: FixedMemory | undefined;
}

/** The sequence in parts of the given lengths, each after the cache of the ones before it. */
async function runInParts(
	{ session, Tensor, memory }: Runtime,
	lengths: readonly number[],
	inputs: Readonly<Record<'query' | 'key' | 'value', Float32Array>>,
	type: 'float32' | 'float16',
	{ num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: dh }: AttentionShape
): Promise<Float32Array> {
	const actual = new Float32Array(inputs.query.length);
	const tensor = (values: Float32Array, dims: readonly number[]): OrtTensor =>
		type === 'float16'
			? new Tensor('float16', float32ToHalf(values), dims)
			: new Tensor('float32', values, dims);
	const empty = () =>
		memory?.allocate(type, [1, kvHeads, ROOM, dh]) ?? tensor(new Float32Array(0), [1, kvHeads, 0, dh]);
	let past: { past_key: OrtTensor; past_value: OrtTensor } = { past_key: empty(), past_value: empty() };
	let start = 0;
	for (const length of lengths) {
		const total = start + length;
		const part = (name: 'query' | 'key' | 'value') => {
			const width = inputs[name].length / LENGTH;
			return tensor(inputs[name].slice(start * width, total * width), [1, length, width]);
		};
		const feeds = {
			query: part('query'),
			key: part('key'),
			value: part('value'),
			...past,
			seqlens_k: new Tensor('int32', Int32Array.of(total - 1), [1]),
			total_sequence_length: new Tensor('int32', Int32Array.of(total), [1])
		};
		const outputs = await session.run(feeds, {
			output: null,
			present_key: memory ? past.past_key : null,
			present_value: memory ? past.past_value : null
		});
		actual.set(toFloat32(await toTensor(outputs.output!)).data, start * heads * dh);
		if (!memory) {
			disposeAll(Object.values(past));
			past = { past_key: outputs.present_key!, past_value: outputs.present_value! };
		}
		start = total;
	}
	disposeAll(Object.values(past));
	return actual;
}

/** Causal attention with rotary embedding ("rotate half") and shared key heads, [position, head·width], in double precision. */
function attention(
	query: Float32Array,
	key: Float32Array,
	value: Float32Array,
	{ num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: dh }: AttentionShape
): Float64Array {
	const queries = rotate(query, heads, dh);
	const keys = rotate(key, kvHeads, dh);
	const output = new Float64Array(LENGTH * heads * dh);
	for (let head = 0; head < heads; head++) {
		const shared = Math.floor((head * kvHeads) / heads);
		for (let p = 0; p < LENGTH; p++) {
			const weights = Array.from({ length: p + 1 }, (_, q) => {
				let dot = 0;
				for (let i = 0; i < dh; i++)
					dot += queries[(p * heads + head) * dh + i]! * keys[(q * kvHeads + shared) * dh + i]!;
				return Math.exp(dot / Math.sqrt(dh));
			});
			const sum = weights.reduce((a, b) => a + b);
			weights.forEach((weight, q) => {
				for (let i = 0; i < dh; i++)
					output[(p * heads + head) * dh + i]! += (weight / sum) * value[(q * kvHeads + shared) * dh + i]!;
			});
		}
	}
	return output;
}

function rotate(values: Float32Array, heads: number, dh: number): Float64Array {
	const half = dh / 2;
	const out = new Float64Array(values.length);
	for (let p = 0; p < LENGTH; p++)
		for (let head = 0; head < heads; head++)
			for (let i = 0; i < half; i++) {
				const at = (p * heads + head) * dh + i;
				const [cos, sin] = [Math.cos(angle(p, i, dh)), Math.sin(angle(p, i, dh))];
				out[at] = values[at]! * cos - values[at + half]! * sin;
				out[at + half] = values[at + half]! * cos + values[at]! * sin;
			}
	return out;
}

const angle = (position: number, i: number, dh: number) => position * 10000 ** ((-2 * i) / dh);

/** Values between −1.5 and 1.5 without a pattern, which the type holds exactly. */
function numbers(count: number, seed: number, type: 'float32' | 'float16'): Float32Array {
	const values = Float32Array.from({ length: count }, (_, i) => {
		const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
		return 3 * (x - Math.floor(x)) - 1.5;
	});
	return type === 'float16' ? halvesToFloat32(float32ToHalf(values)) : values;
}

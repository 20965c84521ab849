import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../../src/lib/checkpoint/checkpoint.ts';
import { openCheckpoint } from '../../../../src/lib/checkpoint/folder.ts';
import type { TextConfig } from '../../../../src/lib/model/config.ts';
import { attentionGraph, type LanguageAttention } from '../../../../src/lib/model/language/attention.ts';
import { languageGraph } from '../../../../src/lib/model/language/graph.ts';
import { ropeAngles } from '../../../../src/lib/model/language/rope.ts';
import type { WeightDType } from '../../../../src/lib/model/manifest.ts';
import { parseConfig } from '../../../../src/lib/model/families/honeybee/parse-config.ts';
import { dequantizeMatrix, quantizeMatrix } from '../../../../src/lib/kernels/quantize.ts';
import { StateDict } from '../../../../src/lib/model/state-dict.ts';
import { toFloat32 } from '../../../../src/lib/tensor/half.ts';
import { random, randomCheckpoint, smallConfig } from '../../../support/random-checkpoint.ts';
import { float32, int32, int64, openGraph, relativeError } from '../../../support/run-graph.ts';
import * as ort from 'onnxruntime-node';

type Outputs = InferenceSession.OnnxValueMapType;

/** A checkpoint whose matrices went through `bits`-bit quantisation and back. */
function dequantize(checkpoint: Checkpoint, bits: 4 | 8): Checkpoint {
	return {
		entries: checkpoint.entries,
		async read(name) {
			const exact = toFloat32(await checkpoint.read(name));
			const [rows, columns] = exact.dims;
			if (rows === undefined || columns === undefined) return exact;
			const quantized = quantizeMatrix(exact.data, rows, columns, bits);
			return { ...exact, data: dequantizeMatrix(quantized, rows, columns, bits) };
		}
	};
}

async function open(
	text: Record<string, unknown>,
	dtype: WeightDType,
	attention: LanguageAttention,
	dequantized?: 4 | 8,
	more: Partial<TextConfig> = {}
) {
	const text_config = { ...parseConfig(smallConfig({ text })).text_config, ...more };
	const checkpoint = await openCheckpoint(randomCheckpoint({ text }));
	const state = new StateDict(dequantized ? dequantize(checkpoint, dequantized) : checkpoint);
	const session = await openGraph(languageGraph(text_config, state, dtype, { attention }));
	return {
		session,
		config: text_config,
		kv: dtype === 'fp16' || dtype === 'q4f16' ? 'float16' : 'float32'
	} as const;
}

type Opened = Awaited<ReturnType<typeof open>>;

function embeds(config: TextConfig, length: number): Float32Array {
	const next = random(7);
	return Float32Array.from({ length: length * config.hidden_size }, next);
}

/** Runs positions [from, to) after what `past` holds; logits of every position. */
async function chunk(
	{ session, config, kv }: Opened,
	all: Float32Array,
	from: number,
	to: number,
	past?: Outputs
) {
	const { hidden_size: O, num_hidden_layers, num_key_value_heads, head_dim } = config;
	const n = to - from;
	const feeds: Record<string, Tensor> = {
		inputs_embeds: float32([1, n, O], all.slice(from * O, to * O)),
		position_ids: int64(
			Array.from({ length: n }, (_, i) => from + i),
			[1, n]
		),
		seqlens_k: int32([to - 1]),
		total_sequence_length: int32([to]),
		logit_positions: int64(Array.from({ length: n }, (_, i) => i))
	};
	for (let i = 0; i < num_hidden_layers; i++)
		for (const what of ['key', 'value'])
			feeds[`past_key_values.${i}.${what}`] =
				past?.[`present.${i}.${what}`] ??
				new ort.Tensor(kv, kv === 'float16' ? new Uint16Array(0) : new Float32Array(0), [
					1,
					num_key_value_heads,
					0,
					head_dim
				]);
	for (const name of Object.keys(feeds)) if (!session.inputNames.includes(name)) delete feeds[name];
	return session.run(feeds);
}

const logits = (outputs: Outputs) => outputs.logits!.data as Float32Array;

describe('language graph', () => {
	for (const [title, text] of [
		['MHA', {}],
		['GQA', { num_key_value_heads: 2 }]
	] as const) {
		it(`${title}: fused and plain attention agree`, async () => {
			const fused = await open(text, 'fp32', 'fused');
			const plain = await open(text, 'fp32', 'plain');
			const x = embeds(fused.config, 40);
			const a = await chunk(fused, x, 0, 40);
			const b = await chunk(plain, x, 0, 40);
			expect(relativeError(logits(a), logits(b))).toBeLessThan(1e-5);
			expect(
				relativeError(a['present.1.key']!.data as Float32Array, b['present.1.key']!.data as Float32Array)
			).toBeLessThan(1e-5);
		});

		for (const attention of ['fused', 'plain'] as const)
			it(`${title}, ${attention}: a prefix from the cache gives the same logits as one run`, async () => {
				const model = await open(text, 'fp32', attention);
				const x = embeds(model.config, 40);
				const whole = logits(await chunk(model, x, 0, 40));
				let past = await chunk(model, x, 0, 33);
				past = await chunk(model, x, 33, 38, past);
				past = await chunk(model, x, 38, 39, past);
				const last = logits(await chunk(model, x, 39, 40, past));
				expect(relativeError(last, whole.slice(-model.config.vocab_size))).toBeLessThan(1e-5);
			});
	}

	it('a factor of its own scales q·k in either attention, and in the one that is computed again', async () => {
		const own = { attention_multiplier: 0.7 };
		const [fused, plain, usual] = [
			await open({}, 'fp32', 'fused', undefined, own),
			await open({}, 'fp32', 'plain', undefined, own),
			await open({}, 'fp32', 'fused')
		];
		const x = embeds(fused.config, 20);
		const [a, b, c] = [
			await chunk(fused, x, 0, 20),
			await chunk(plain, x, 0, 20),
			await chunk(usual, x, 0, 20)
		];
		expect(relativeError(logits(a), logits(b))).toBeLessThan(1e-5);
		expect(relativeError(logits(a), logits(c))).toBeGreaterThan(1e-3);
		// With hardly any scale every key has the same share.
		const { head_dim: dh } = fused.config;
		const even = await openGraph(attentionGraph({ ...fused.config, attention_multiplier: 1e-9 }, 'float32'));
		const { cos, sin } = ropeAngles(fused.config, [19]);
		const { attention } = await even.run({
			query: a['query.1']!,
			rows: int64([19]),
			key: a['present.1.key']!,
			position_ids: int64([19], [1, 1]),
			total_sequence_length: int32([20]),
			cos: float32([1, dh / 2], cos),
			sin: float32([1, dh / 2], sin),
			columns: int64([0, 19])
		});
		for (const share of attention!.data as Float32Array) expect(share).toBeCloseTo(1 / 20, 6);
	});

	it('a head with rows beyond the vocabulary gives the logits of the tokens alone', async () => {
		const { text_config } = parseConfig(smallConfig({ text: {} }));
		const { vocab_size } = text_config;
		const state = new StateDict(await openCheckpoint(randomCheckpoint({ text: {} })));
		const fewer = { ...text_config, vocab_size: vocab_size - 5, padded_vocab_size: vocab_size };
		const session = await openGraph(languageGraph(fewer, state, 'fp32'));
		const whole = await open({}, 'fp32', 'fused');
		const x = embeds(text_config, 4);
		const a = logits(await chunk({ session, config: fewer, kv: 'float32' }, x, 0, 4));
		const b = logits(await chunk(whole, x, 0, 4));
		const cut = Float32Array.from(a, (_, i) => {
			const row = Math.floor(i / (vocab_size - 5));
			return b[row * vocab_size + (i % (vocab_size - 5))]!;
		});
		expect(a.length).toBe(4 * (vocab_size - 5));
		expect(relativeError(a, cut)).toBeLessThan(1e-6);
	});

	it('the other factors of muP scale embeddings, what sublayers add, and logits', async () => {
		const plain = await open({}, 'fp32', 'fused');
		const x = embeds(plain.config, 8);
		const run = async (more: Partial<TextConfig>, input = x) =>
			logits(await chunk(await open({}, 'fp32', 'fused', undefined, more), input, 0, 8));
		const usual = await run({});
		const scaled = await run({ embedding_multiplier: 3 });
		const tripled = await run(
			{},
			x.map((value) => 3 * value)
		);
		expect(relativeError(scaled, tripled)).toBeLessThan(1e-6);
		expect(relativeError(scaled, usual)).toBeGreaterThan(1e-3);
		const multiplied = await run({ logits_scaling: 0.4 });
		expect(
			relativeError(
				multiplied,
				usual.map((value) => 0.4 * value)
			)
		).toBeLessThan(1e-6);
		// Sublayers that add next to nothing leave the embeddings to the head, as all do at once.
		const still = await run({ residual_multiplier: 1e-9 });
		const early = await run({ residual_multiplier: 1e-9, attention_multiplier: 5 });
		expect(relativeError(still, early)).toBeLessThan(1e-5);
		expect(relativeError(still, usual)).toBeGreaterThan(1e-3);
	});

	it.each([
		['fused', {}, 'fp32'],
		['plain', { num_key_value_heads: 2 }, 'fp32'],
		['fused', { num_key_value_heads: 2 }, 'fp32'],
		['plain', { num_key_value_heads: 2 }, 'q4'],
		['fused', { num_key_value_heads: 2 }, 'q4']
	] as const)('%s, %j, %s: queries and keys give the attention', async (attention, text, dtype) => {
		const model = await open(text, dtype, attention);
		const { num_attention_heads: H, num_key_value_heads: KV, head_dim: dh } = model.config;
		const all = embeds(model.config, 12);
		const past = await chunk(model, all, 0, 5);
		const outputs = await chunk(model, all, 5, 12, past);
		const [query, key] = [outputs['query.1']!, outputs['present.1.key']!];
		const joined = attention === 'fused' && dtype === 'q4';
		const width = (joined ? H + 2 * KV : H) * dh;
		expect(query.dims).toEqual([1, 7, width]);
		const positions = Array.from({ length: 7 }, (_, i) => 5 + i);
		const { cos, sin } = ropeAngles(model.config, positions);
		const columns = [0, 3, 4, 5, 6, 7, 8, 9, 10, 11];
		const graph = await openGraph(attentionGraph(model.config, 'float32'));
		const { attention: shares } = await graph.run({
			query,
			rows: int64([0, 1, 2, 3, 4, 5, 6]),
			key,
			position_ids: int64(positions, [1, 7]),
			total_sequence_length: int32([12]),
			cos: float32([7, dh / 2], cos),
			sin: float32([7, dh / 2], sin),
			columns: int64(columns)
		});
		expect(shares!.dims).toEqual([1, H, 7, columns.length]);
		const [q, k] = [query.data as Float32Array, key.data as Float32Array];
		const actual = shares!.data as Float32Array;
		for (let head = 0; head < H; head++)
			positions.forEach((position, row) => {
				const vector = q.subarray(row * width + head * dh, row * width + (head + 1) * dh);
				const rotated = Array.from(vector, (x, i) => {
					const half = dh / 2;
					const angle = position * 10000 ** (-(i % half) / half);
					const other = i < half ? -vector[i + half]! : vector[i - half]!;
					return x * Math.cos(angle) + other * Math.sin(angle);
				});
				const of = Math.floor(head / (H / KV)) * 12;
				const scores = Array.from({ length: position + 1 }, (_, j) =>
					rotated.reduce((sum, x, i) => sum + x * k[(of + j) * dh + i]!, 0)
				).map((score) => Math.exp(score / Math.sqrt(dh)));
				const sum = scores.reduce((a, b) => a + b, 0);
				columns.forEach((column, c) => {
					const share = actual[(head * 7 + row) * columns.length + c]!;
					if (column > position) expect(share).toBe(0);
					else expect(share).toBeCloseTo(scores[column]! / sum, 5);
				});
			});
	});

	it.each([
		['fp16', 4e-3],
		['q8', 2e-2],
		['q4', 0.35],
		['q4f16', 0.35]
	] as const)('%s stays near float32', async (dtype, limit) => {
		for (const attention of ['fused', 'plain'] as const) {
			const exact = await open({}, 'fp32', attention);
			const rounded = await open({}, dtype, attention);
			const x = embeds(exact.config, 20);
			const a = logits(await chunk(exact, x, 0, 20));
			const b = logits(await chunk(rounded, x, 0, 20));
			expect(relativeError(b, a)).toBeLessThan(limit);
		}
	});

	it.each([
		['q8', 8],
		['q4', 4]
	] as const)('%s computes what float32 computes on the dequantised weights', async (dtype, bits) => {
		// 96 and 80 columns: whole blocks, and a last block that is half full.
		const text = { intermediate_size: 80 };
		const quantized = await open(text, dtype, 'fused');
		const reference = await open(text, 'fp32', 'fused', bits);
		const x = embeds(reference.config, 20);
		const a = logits(await chunk(quantized, x, 0, 20));
		const b = logits(await chunk(reference, x, 0, 20));
		expect(relativeError(a, b)).toBeLessThan(1e-4);
	});
});

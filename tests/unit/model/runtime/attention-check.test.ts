import * as ort from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { ATTENTION_TOLERANCE, attentionError } from '../../../../src/lib/model/runtime/attention-check.ts';

it.each([
	{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 32 },
	{ num_attention_heads: 4, num_key_value_heads: 4, head_dim: 128 },
	{ num_attention_heads: 9, num_key_value_heads: 3, head_dim: 64 }
])('finds the attention of onnxruntime-node correct: %o', async (shape) => {
	const error = await attentionError((graph) => ort.InferenceSession.create(graph), ort.Tensor, { shape });
	expect(error).toBeLessThan(1e-5);
});

it.each([
	['values off by a tenth', (x: number) => x * 1.1],
	['values that are not numbers', () => NaN]
])('finds %s wrong', async (_, spoil) => {
	const error = await attentionError(async (graph) => {
		const session = await ort.InferenceSession.create(graph);
		return Object.assign(Object.create(session) as ort.InferenceSession, {
			release: () => session.release(),
			async run(feeds: ort.InferenceSession.OnnxValueMapType) {
				const outputs = await session.run(feeds);
				const { data, dims } = outputs.output!;
				return { ...outputs, output: new ort.Tensor('float32', (data as Float32Array).map(spoil), dims) };
			}
		});
	}, ort.Tensor);
	expect(error).toBeGreaterThan(ATTENTION_TOLERANCE.float32);
});

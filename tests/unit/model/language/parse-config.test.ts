import { describe, expect, test } from 'vitest';
import { parseText } from '../../../../src/lib/model/language/parse-config.ts';
import { ropeAngles } from '../../../../src/lib/model/language/rope.ts';

const small = {
	vocab_size: 320,
	hidden_size: 64,
	intermediate_size: 96,
	num_hidden_layers: 2,
	num_attention_heads: 4
};
const text = (changes: Record<string, unknown>) => parseText({ ...small, ...changes });

describe('the rotary embedding in a config', () => {
	test.each([
		['nothing said', {}, 10000, undefined],
		['transformers 4', { rope_theta: 5e5 }, 5e5, undefined],
		['transformers 5', { rope_parameters: { rope_theta: 5e5, rope_type: 'default' } }, 5e5, undefined],
		['both, the same', { rope_theta: 5e5, rope_parameters: { rope_theta: 5e5 } }, 5e5, undefined],
		['scaling that is none', { rope_scaling: { rope_type: 'default' } }, 10000, undefined],
		[
			'the old word',
			{ rope_scaling: { type: 'linear', factor: 4 } },
			10000,
			{ rope_type: 'linear', factor: 4 }
		],
		[
			'scaling in rope_parameters',
			{ rope_parameters: { rope_theta: 2e4, rope_type: 'linear', factor: 2 } },
			2e4,
			{ rope_type: 'linear', factor: 2 }
		]
	])('%s', (_, changes, theta, scaling) => {
		const { rope_theta, rope_scaling } = text(changes);
		expect([rope_theta, rope_scaling]).toEqual([theta, scaling]);
	});

	test.each([
		[
			{ rope_theta: 1e4, rope_parameters: { rope_theta: 5e5 } },
			/500000 in rope_parameters and 10000 in rope_theta/
		],
		[
			{ rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_type: 'linear', factor: 4 } },
			/scale RoPE differently/
		],
		[{ rope_scaling: { rope_type: 'yarn', factor: 4 } }, /kind "yarn", which this converter does not serve/],
		[{ rope_scaling: { type: 'linear' } }, /rope_scaling\.factor is missing/],
		[{ rope_scaling: { type: 'linear', factor: 0 } }, /factor is 0 but must be a number above 0/],
		[
			{ rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
			/rope_parameters\.partial_rotary_factor is 0\.5, which LLaMA does not have/
		],
		[
			{ rope_parameters: { full_attention: { rope_theta: 1e6 } } },
			/one kind of layer alone \(full_attention\)/
		]
	])('refused: %j', (changes, message) => {
		expect(() => text(changes)).toThrow(message);
	});

	// By hand, in double precision: theta 10000, dh 16, so frequencies 10^(-i/2); llama3 with the numbers of Llama 3.2.
	test('angles of llama3 scaling: short waves stay, long ones are divided, those between are mixed', () => {
		const scaling = {
			rope_type: 'llama3' as const,
			factor: 32,
			low_freq_factor: 1,
			high_freq_factor: 4,
			original_max_position_embeddings: 8192
		};
		const config = { head_dim: 16, rope_theta: 10000 };
		const plain = ropeAngles(config, [1]);
		const scaled = ropeAngles({ ...config, rope_scaling: scaling }, [1]);
		const frequency = (i: number) => 10 ** (-i / 2);
		for (let i = 0; i < 8; i++) {
			const wave = (2 * Math.PI) / frequency(i);
			const smooth = (8192 / wave - 1) / 3;
			const expected =
				wave < 2048
					? frequency(i)
					: wave > 8192
						? frequency(i) / 32
						: ((1 - smooth) * frequency(i)) / 32 + smooth * frequency(i);
			expect(scaled.sin[i]).toBeCloseTo(Math.sin(expected), 6);
		}
		expect(scaled.sin[0]).toBe(plain.sin[0]);
		expect(scaled.sin[6]! / plain.sin[6]!).toBeLessThan(1);
		const linear = ropeAngles({ ...config, rope_scaling: { rope_type: 'linear', factor: 4 } }, [4]);
		expect(linear).toEqual(plain);
	});
});

test('HyperCLOVA X has factors of muP, which only it has, and norms behind sublayers where it says so', () => {
	const said = {
		embedding_multiplier: 3,
		attention_multiplier: 1,
		residual_multiplier: 0.5,
		logits_scaling: 0.4
	};
	const type = { model_type: 'hyperclovax' };
	expect(text({ ...type, ...said })).toEqual({ ...text({}), ...said });
	expect(text({ ...type, use_post_norm: true })).toEqual({ ...text({}), post_norm: true });
	expect(text(type)).toEqual(text({}));
	expect(() => text({ ...type, residual_multiplier: -1 })).toThrow('residual_multiplier');
});

test.each([
	[{ model_type: 'qwen2' }, /model_type is "qwen2", a language model that this converter does not serve/],
	[{ model_type: 'gemma' }, /serves llama, mistral, hyperclovax/],
	[{ partial_rotary_factor: 0.25 }, /partial_rotary_factor is 0\.25, which LLaMA does not have/],
	[{ logits_scaling: 8 }, /logits_scaling is 8/],
	[{ hidden_act: 'xielu' }, /hidden_act is "xielu" but must be one of silu/],
	[{ eos_token_id: [] }, /eos_token_id is \[\] but must be a whole number of at least 0 or a list/],
	[{ eos_token_id: [2, -1] }, /eos_token_id is \[2,-1\]/]
])("a decoder that is none of LLaMA's kind is refused by name: %j", (changes, message) => {
	expect(() => text(changes)).toThrow(message);
});

test('what LLaMA has by default is left out, so that models converted before compare equal', () => {
	const { hidden_act, attention_bias, mlp_bias, rope_scaling } = text({
		hidden_act: 'silu',
		mlp_bias: false
	});
	expect([hidden_act, attention_bias, mlp_bias, rope_scaling]).toEqual(Array(4).fill(undefined));
	expect(text({ model_type: 'mistral', max_position_embeddings: 32768, sliding_window: 4096 })).toMatchObject(
		{
			max_position_embeddings: 4096
		}
	);
	expect(text({ eos_token_id: [2, 148] }).eos_token_id).toEqual([2, 148]);
});

/** Rotary position embedding: its angles, as constants of a graph and at run time, and the rotation. */
import type { Graph } from '../../onnx/graph.ts';
import { Add, Concat, Mul, Split, Sub } from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import type { TextConfig } from '../config.ts';
import type { FloatType } from '../../kernels/encode.ts';
import { computed } from '../layers.ts';
import type { Module } from '../module.ts';

/** cos and sin of position · theta^(−2i/dh), [max position, dh/2]. */
export interface RopeCaches {
	readonly cosCache: Value;
	readonly sinCache: Value;
}

export function ropeCaches(module: Module, config: TextConfig, type: FloatType): RopeCaches {
	const { head_dim, max_position_embeddings } = config;
	const all = () => Array.from({ length: max_position_embeddings }, (_, position) => position);
	const table = (name: 'cos' | 'sin') =>
		computed(
			module.at(`rope.${name}_cache`),
			[max_position_embeddings, head_dim / 2],
			() => ropeAngles(config, all())[name],
			type
		);
	return { cosCache: table('cos'), sinCache: table('sin') };
}

type RopeConfig = Pick<TextConfig, 'head_dim' | 'rope_theta' | 'rope_scaling'>;

/**
 * theta^(−2i/dh) [dh/2], scaled. `linear` divides all by the factor; `llama3` (transformers `_compute_llama3_parameters`) divides those
 * whose wave is longer than the old context, leaves those much shorter than it, and goes from the one to the other between.
 * PyTorch computes them in float32; following it keeps long positions equal.
 */
function frequencies({ head_dim, rope_theta, rope_scaling: scaling }: RopeConfig): Float32Array {
	const { fround } = Math;
	const plain = Float32Array.from(
		{ length: head_dim / 2 },
		(_, i) => 1 / fround(rope_theta ** ((2 * i) / head_dim))
	);
	if (scaling === undefined) return plain;
	const { factor } = scaling;
	if (scaling.rope_type === 'linear') return plain.map((frequency) => frequency / factor);
	const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: old } = scaling;
	return plain.map((frequency) => {
		const wave = fround((2 * Math.PI) / frequency);
		if (wave > old / low) return frequency / factor;
		if (wave < old / high) return frequency;
		const smooth = fround(fround(fround(old / wave) - low) / (high - low));
		return fround(fround(fround(1 - smooth) * frequency) / factor) + fround(smooth * frequency);
	});
}

/** cos and sin of position times frequency, float32 [position, dh/2] each. */
export function ropeAngles(
	config: RopeConfig,
	positions: readonly number[]
): { readonly cos: Float32Array; readonly sin: Float32Array } {
	const half = config.head_dim / 2;
	const inverse = frequencies(config);
	const cos = new Float32Array(positions.length * half);
	const sin = new Float32Array(positions.length * half);
	positions.forEach((position, row) => {
		for (let i = 0; i < half; i++) {
			const angle = Math.fround(position * inverse[i]!);
			cos[row * half + i] = Math.cos(angle);
			sin[row * half + i] = Math.sin(angle);
		}
	});
	return { cos, sin };
}

/**
 * Rotary embedding of x [batch, head, position, dh], its halves a and b turned against each other; cos and sin [position, dh/2], or
 * with axes of size 1 before.
 *
 *   x ─ Split ─ a, b ─ [a·cos − b·sin; b·cos + a·sin] ─ Concat
 */
export function rotate(
	g: Graph,
	x: Value,
	{ cos, sin }: { readonly cos: Value; readonly sin: Value }
): Value {
	const [a, b] = Split(g, x, 3, 2);
	if (!a || !b) throw new Error('Split made no output.');
	const left = Sub(g, Mul(g, a, cos), Mul(g, b, sin));
	const right = Add(g, Mul(g, b, cos), Mul(g, a, sin));
	return Concat(g, [left, right], 3);
}

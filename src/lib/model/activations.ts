import type { Graph } from '../onnx/graph.ts';
import { FastGelu, Gelu, QuickGelu, Relu, SiLU } from '../onnx/ops.ts';
import type { Value } from '../onnx/types.ts';

/** Activations by the names that transformers' configs use (`ACT2FN`). */
export const activations = {
	silu: SiLU,
	swish: SiLU,
	/** Exact, by the error function. */
	gelu: Gelu,
	/** By the hyperbolic tangent. */
	gelu_new: FastGelu,
	gelu_pytorch_tanh: FastGelu,
	quick_gelu: (g: Graph, x: Value) => QuickGelu(g, x),
	relu: Relu
} as const satisfies Readonly<Record<string, (g: Graph, x: Value) => Value>>;

export type Activation = keyof typeof activations;

export const activationNames = Object.keys(activations) as readonly Activation[];

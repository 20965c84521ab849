import { InputError } from '../../tensor/errors.ts';
import { elementCount, type Tensor } from '../../tensor/tensor.ts';
import { gradientGraph } from '../../onnx/gradient.ts';
import { Mul, ReduceSum, Reshape } from '../../onnx/ops.ts';
import type { Known } from '../../onnx/shapes.ts';
import type { TokenValues } from '../../analysis/perturbation.ts';

/** One row for each vector: the token's place among all, and a direction of its values. */
const [TOKENS, DIRECTIONS] = ['gradient_tokens', 'gradient_directions'];
const SQUARES = 'gradient_squares';

/**
 * A stored projector as the graph of its derivatives: for vectors v_b, each on one token m_b of an output, the squares of
 * v_bᵀ · ∂output[m_b]/∂visual_features[n], summed over the features' E values.
 *
 *   gradient_tokens [vector, T], 1 at m_b, and gradient_directions [vector, C] ─ gradient_squares [vector, N]
 *
 * @param output [1, T, C], or a map [1, C, h, w], read as T = h·w tokens
 * @param feeds the projector's inputs with one image
 * @throws InputError for a graph with an operator whose derivative is not known, as other converters may write
 */
export function tokenGradientGraph(
	graph: Uint8Array,
	output: string,
	feeds: Readonly<Record<string, Tensor>>
): Uint8Array {
	try {
		return derived(graph, output, feeds);
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		throw new InputError(
			`The projector cannot be differentiated here: ${error.message} Choose perturbation as the method, which needs no derivatives.`,
			{ cause: error }
		);
	}
}

const derived: typeof tokenGradientGraph = (graph, output, feeds) =>
	gradientGraph(graph, {
		of: output,
		by: 'visual_features',
		inputs: new Map(Object.entries(feeds).map(([name, tensor]) => [name, known(tensor)])),
		vectors: (g, dims) => {
			const [, ...rest] = dims;
			const isMap = rest.length === 3;
			const [tokens, width] = isMap ? [elementCount(rest.slice(1)), rest[0]!] : [rest[0]!, rest[1]!];
			const places = g.input(TOKENS, 'float32', ['vector', tokens]);
			const values = g.input(DIRECTIONS, 'float32', ['vector', width]);
			return Mul(
				g,
				Reshape(g.scope('tokens'), places, isMap ? [0, 1, 1, ...rest.slice(1)] : [0, 1, tokens, 1]),
				Reshape(g.scope('directions'), values, isMap ? [0, 1, width, 1, 1] : [0, 1, 1, width])
			);
		},
		results: (g, products, [, N]) => {
			const squares = ReduceSum(g, Mul(g, products, products), [-1]);
			g.output(SQUARES, Reshape(g, squares, [0, N!]), ['vector', N!]);
		}
	});

function known({ dims, dtype, data }: Tensor): Known {
	const whole = dtype === 'int64' || dtype === 'int32';
	return { dims, ...(whole && { numbers: Array.from(data as ArrayLike<number | bigint>, Number) }) };
}

/** One vector: a token of an output and a direction of its values [C]. */
export interface TokenDirection {
	readonly token: number;
	readonly direction: Float32Array;
}

/** Inputs of the graph of derivatives besides the projector's own, for some vectors. */
export function vectorFeeds(
	{ tokens, width }: Pick<TokenValues, 'tokens' | 'width'>,
	vectors: readonly TokenDirection[]
): Record<string, Tensor<'float32'>> {
	const places = new Float32Array(vectors.length * tokens);
	const directions = new Float32Array(vectors.length * width);
	vectors.forEach(({ token, direction }, i) => {
		places[i * tokens + token] = 1;
		directions.set(direction, i * width);
	});
	return {
		[TOKENS]: { dtype: 'float32', dims: [vectors.length, tokens], data: places },
		[DIRECTIONS]: { dtype: 'float32', dims: [vectors.length, width], data: directions }
	};
}

export const squaresOutput = SQUARES;

/** What the graphs of several projectors have in common. */
import type { Graph } from '../../onnx/graph.ts';
import { Add, Concat, Expand, Gelu, MatMul, Shape } from '../../onnx/ops.ts';
import type { Dim, Value } from '../../onnx/types.ts';
import { dims } from '../dims.ts';
import { encodeValues } from '../../kernels/encode.ts';
import { computed, layerNorm, linear } from '../layers.ts';
import { Module } from '../module.ts';
import type { StateDict } from '../state-dict.ts';
import { cubicMatrix } from './resampling.ts';

/** Keys of every projector begin with this. */
export const PREFIX = 'abstractor';

/** The projector's root module: keys `abstractor.…`, trace names `proj.…`. */
export function projectorModule(g: Graph, state: StateDict): Module {
	return new Module(g, state, { key: PREFIX, trace: 'proj' });
}

/**
 * Appends the module's `count` learned rows [1, K, width] at the end of x [B, T, width]; `tokens` is T + K. Traced under the
 * module's name.
 *
 *   parameter [1, K, width] ─ Expand ─┐
 *   x ─────────────────────────────── Concat ─ [B, T + K, width]
 */
export function appendTokens(
	module: Module,
	x: Value,
	{ count, tokens, width }: { readonly count: number; readonly tokens: Dim; readonly width: number }
): Value {
	if (count === 0) return x;
	const { graph: g } = module;
	const learned = module.parameter([1, count, width]);
	const shape = Concat(g, [Shape(g, x, 0, 1), g.ints([count, width])], 0);
	const all = Concat(g, [x, Expand(g, learned, shape)], 1);
	module.trace('', all, [dims.image, tokens, width]);
	return all;
}

/** Linear ─ GELU (exact) ─ Linear, under the names that a torch Sequential gives them. */
export function twoLayers(
	module: Module,
	x: Value,
	{ in: from, out, names: [first, second] = ['0', '2'] }: TwoLayers
): Value {
	const up = linear(module.at(first), x, { in: from, out });
	return linear(module.at(second), Gelu(module.graph, up), { in: out, out });
}

interface TwoLayers {
	readonly in: number;
	readonly out: number;
	readonly names?: readonly [first: string, second: string];
}

/** The LayerNorm over the features x [B, N, E] that some projectors begin with, traced under the module's name. */
export function prenorm(
	module: Module,
	x: Value,
	{ tokens, width }: { readonly tokens: Dim; readonly width: number }
): Value {
	const normed = layerNorm(module, x, { size: width, epsilon: 1e-6 });
	module.trace('', normed, [dims.image, tokens, width]);
	return normed;
}

/**
 * x [B, N, width] ─ Add(the module's embedding [1, N, width]) ─ [B, N, width]. Old checkpoints hold one row more, for the cls token, which upstream
 * drops on load for mlp and c-abs (`oldClsRow`). Positions of another square grid, of `from` cells, are resized (bicubic, not antialiased). The
 * sum is traced under the module's name.
 */
export function addPositions(
	module: Module,
	x: Value,
	options: {
		readonly tokens: number;
		readonly width: number;
		readonly oldClsRow?: boolean;
		readonly from?: number;
	}
): Value {
	const { tokens, width, oldClsRow = false, from = tokens } = options;
	const hasClsRow = oldClsRow && module.state.dims(module.key)?.[1] === from + 1;
	const table = hasClsRow ? withoutClsRow(module, from, width) : module.parameter([1, from, width]);
	const grid = () => cubicMatrix(Math.sqrt(from), Math.sqrt(tokens));
	const resized = module.graph.scope('resized');
	const positions =
		from === tokens ? table : MatMul(resized, computed(module.at('grid'), [tokens, from], grid), table);
	const sum = Add(module.graph, x, positions);
	module.trace('', sum, [dims.image, tokens, width]);
	return sum;
}

/** The module's embedding [1, N + 1, width] without its first row: [1, N, width]. */
function withoutClsRow({ graph: g, state, key }: Module, tokens: number, width: number): Value {
	state.expect(key, [1, tokens + 1, width]);
	return g.weight({
		name: `${key}.without_cls`,
		dtype: 'float32',
		dims: [1, tokens, width],
		async *pieces() {
			const all = await state.reader(key);
			yield* encodeValues(
				{
					name: key,
					dtype: all.dtype,
					count: all.count - width,
					read: (start, end, into) => all.read(width + start, width + end, into)
				},
				'float32'
			);
		}
	});
}

/** Declares `visual_embeds` and its trace name, `proj.output`. */
export function declareOutput(
	module: Module,
	x: Value,
	{ tokens, width }: { readonly tokens: Dim; readonly width: number }
): void {
	const shape = [dims.image, tokens, width];
	module.graph.output('visual_embeds', x, shape);
	module.trace('output', x, shape);
}

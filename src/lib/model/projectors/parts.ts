/** What the graphs of several projectors have in common. */
import type { Graph } from '../../onnx/graph.ts';
import { Add, Concat, Expand, Shape } from '../../onnx/ops.ts';
import type { Dim, Value } from '../../onnx/types.ts';
import { dims } from '../dims.ts';
import { encodeValues } from '../kernels/encode.ts';
import { Module } from '../module.ts';
import type { StateDict } from '../state-dict.ts';

/** Keys of every projector begin with this. */
export const PREFIX = 'abstractor';

/** The projector's root module: keys `abstractor.…`, trace names `proj.…`. */
export function projectorModule(g: Graph, state: StateDict): Module {
	return new Module(g, state, { key: PREFIX, trace: 'proj' });
}

/** Appends the module's `count` learned rows [1, K, width] at the end of x: [B, T, width] → [B, T + K, width]. */
export function appendTokens(
	module: Module,
	x: Value,
	{ count, width }: { readonly count: number; readonly width: number }
): Value {
	if (count === 0) return x;
	const { graph: g } = module;
	const tokens = module.parameter([1, count, width]);
	const shape = Concat(g, [Shape(g, x, 0, 1), g.ints([count, width])], 0);
	return Concat(g, [x, Expand(g, tokens, shape)], 1);
}

/**
 * x [B, N, width] + the module's embedding [1, N, width]. Old checkpoints hold one row more, for the cls token, which upstream
 * drops on load for mlp and c-abs (`oldClsRow`).
 */
export function addPositions(
	module: Module,
	x: Value,
	options: { readonly tokens: number; readonly width: number; readonly oldClsRow?: boolean }
): Value {
	const { tokens, width, oldClsRow = false } = options;
	const { graph: g, state, key } = module;
	if (!oldClsRow || state.dims(key)?.[1] !== tokens + 1)
		return Add(g, x, module.parameter([1, tokens, width]));
	state.expect(key, [1, tokens + 1, width]);
	const positions = g.weight({
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
	return Add(g, x, positions);
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

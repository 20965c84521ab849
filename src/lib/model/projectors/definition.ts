import type { Graph } from '../../onnx/graph.ts';
import { Add, Concat, Expand, Shape } from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import type { ConfigFields } from '../config-fields.ts';
import type { ProjectorConfig } from '../config.ts';
import { dims } from '../dims.ts';
import { encodeValues } from '../kernels/encode.ts';
import { parameter } from '../layers.ts';
import type { TokenPlaces } from '../manifest.ts';
import type { StateDict } from '../state-dict.ts';

/** Keys of every projector begin with this. */
export const PREFIX = 'abstractor';

/** The fields every projector has; widths are recomputed from the towers, as upstream does. */
export type CommonConfig = Omit<ProjectorConfig, 'projector_type'> & {
	readonly num_query_tokens: number;
};

/** What a projector's folder exports: everything that is special about it. */
export interface ProjectorDefinition<C extends ProjectorConfig = ProjectorConfig> {
	/** Upstream's projector_type. */
	readonly type: C['projector_type'];
	/** Golden checkpoints that test it (folders of tests/fixtures/golden). */
	readonly goldens: readonly string[];
	/** Whether M can change at run time; the graph then has the input `pooling_matrix` [M, N]. */
	readonly flexible: boolean;
	/** Where its visual tokens lie on the image. */
	readonly places: TokenPlaces;
	/** Name in the model folder and in `--projector`. */
	readonly name: (config: C) => string;
	/** Name on the page and in figures. */
	readonly title: (config: C) => string;
	/** Reads its own fields. Throws InputError on values the graph cannot serve. */
	readonly parseConfig: (fields: ConfigFields, common: CommonConfig) => C;
	/** Floating-point operations (`operations.ts`) from N patches to M visual tokens. */
	readonly cost: (config: C, N: number, M: number) => number;
	/** visual_features [image, N, E] → visual_embeds [image, M + K, O]; `side` is the patch grid's side, sqrt(N). */
	readonly graph: (config: C, state: StateDict, side: number) => Graph;
}

/** Erases a definition's own config type for the registry, where a config is only known to be some projector's. */
export function defineProjector<C extends ProjectorConfig>(
	definition: ProjectorDefinition<C>
): ProjectorDefinition {
	const own = (config: ProjectorConfig): C => {
		if (config.projector_type !== definition.type)
			throw new Error(`A ${config.projector_type} config was given to the ${definition.type} projector.`);
		return config as C;
	};
	return {
		type: definition.type,
		goldens: definition.goldens,
		flexible: definition.flexible,
		places: definition.places,
		name: (config) => definition.name(own(config)),
		title: (config) => definition.title(own(config)),
		parseConfig: definition.parseConfig,
		cost: (config, N, M) => definition.cost(own(config), N, M),
		graph: (config, state, side) => definition.graph(own(config), state, side)
	};
}

/** Appends `num_eos_tokens` learned rows [1, K, width] at the end of x [B, T, width]. */
export function appendTokens(
	g: Graph,
	x: Value,
	state: StateDict,
	key: string,
	count: number,
	width: number
): Value {
	if (count === 0) return x;
	const scope = g.scope('eos_tokens');
	const tokens = parameter(scope, state, key, [1, count, width]);
	const shape = Concat(scope, [Shape(scope, x, 0, 1), scope.ints([count, width])], 0);
	return Concat(scope, [x, Expand(scope, tokens, shape)], 1);
}

/**
 * x + pos_emb [1, N, E]. Old checkpoints hold one row more, for the cls token, which upstream drops on load for mlp and
 * c-abs (`oldClsRow`).
 */
export function addPositions(
	g: Graph,
	x: Value,
	state: StateDict,
	key: string,
	shape: { readonly tokens: number; readonly width: number },
	{ oldClsRow = false } = {}
): Value {
	const { tokens, width } = shape;
	const scope = g.scope('pos_emb');
	if (!oldClsRow || state.dims(key)?.[1] !== tokens + 1)
		return Add(scope, x, parameter(scope, state, key, [1, tokens, width]));
	state.expect(key, [1, tokens + 1, width]);
	const positions = scope.weight({
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
	return Add(scope, x, positions);
}

/** Declares `visual_embeds` and its trace name. */
export function declareOutput(g: Graph, x: Value, tokens: number | string, width: number): void {
	const shape = [dims.image, tokens, width];
	g.output('visual_embeds', x, shape);
	g.output('proj.output', x, shape);
}

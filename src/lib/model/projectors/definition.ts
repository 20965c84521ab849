import type { HeadChoice, RolloutLayer } from '../../analysis/attention-maps.ts';
import type { GridShape } from '../../analysis/grid.ts';
import type { TokenPatchMap } from '../../analysis/map.ts';
import type { SamplingOutputs } from '../../analysis/offsets.ts';
import type { Graph } from '../../onnx/graph.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ConfigFields } from '../config-fields.ts';
import type { CommonProjectorConfig, ProjectorConfig } from '../config.ts';
import type { TokenPlaces, TokenRule } from '../manifest.ts';
import type { StateDict } from '../state-dict.ts';
import { projectorModule } from './parts.ts';

/** How a projector is called and drawn. */
export interface Variant {
	/** On the page and in figures. */
	readonly title: string;
	/** #rrggbb of the Okabe–Ito palette, its own wherever it is drawn; absent: a spare one. */
	readonly colour?: string;
}

/** A place in the projector whose response can be measured. */
export interface Stage {
	/** Name of the graph's output. */
	readonly output: string;
	/** What it is called in figures. */
	readonly title: string;
	/** A step inside a block, left out when only whole blocks are shown. */
	readonly inner?: boolean;
}

/** The graph's output with the learned newline [O], where a config has one. */
export const NEWLINE_OUTPUT = 'image_newline';

/** The last stage of every projector. */
export const readout: Stage = { output: 'visual_embeds', title: 'readout' };

/** A squeeze-and-excite unit: names of the graph's outputs before and after its gates. */
export interface GateUnit {
	readonly title: string;
	readonly before: string;
	readonly after: string;
}

/** Attention over the patches that the projector computes anyway. */
export interface InnerAttention {
	/** What it is called on the page. */
	readonly title: string;
	readonly layers: number;
	readonly heads: number;
	/** Name of the graph's output of a layer. */
	readonly output: (layer: number) => string;
	/** That output as token → patch map(s), of one image. */
	readonly read: (tensor: Tensor, head: HeadChoice) => RolloutLayer;
}

/** Sampling of the image at learned places: sizes, and names of the graph's outputs. */
export interface Sampler extends SamplingOutputs {
	readonly heads: number;
	readonly points: number;
}

/** What follows from a projector's config. N patches of a `side` × `side` grid, M visual tokens. */
export interface ProjectorParts<Name extends string = string> {
	/** Which of the definition's `variants` it is: its name in the model folder and in `--projector`. */
	readonly name: Name;
	/** Its layers in a phrase, with their number and width. */
	readonly description: string;
	/** Floating-point operations (`operations.ts`) from N patches to M visual tokens. */
	readonly cost: (N: number, M: number) => number;
	/**
	 * visual_features [image, N, E] → visual_embeds [image, M + K, O]; `side` is the side of the tower's grid, sqrt(N), where that is fixed.
	 * @param view of the picture that the network is for, where each has one of its own (`networks`)
	 */
	readonly graph: (state: StateDict, side: number, view?: number) => Graph;
	/** Views that have a network of their own; one for all when absent. Their graphs have the same outputs. */
	readonly networks?: number;
	/** The largest M, where it is another than the config's. */
	readonly mostTokens?: number;
	/** M of a picture with this grid of patches, where that decides it. */
	readonly tokensOf?: (grid: GridShape) => number;
	/** What the graph is given beside the features of a grid of patches, by input, to give M visual tokens. */
	readonly feeds?: (M: number, grid: GridShape) => Readonly<Record<string, Tensor>>;
	/** Tensors of the projector that checkpoints have and upstream never uses: keys behind `abstractor.`. */
	readonly unused?: readonly string[];
	/** In the order of the network; the last one is `readout`. */
	readonly stages: readonly Stage[];
	readonly gates?: readonly GateUnit[];
	readonly attention?: InnerAttention;
	readonly sampler?: Sampler;
	/**
	 * The token → patch map [M, N] that follows from the architecture alone, patches in the order in which the projector is given them;
	 * undefined for an M that has none.
	 */
	readonly bins?: (M: number, grid: GridShape) => TokenPatchMap | undefined;
}

/** What a projector's folder exports: everything that is special about it. README.md beside this file is the contract in words. */
export interface ProjectorDefinition<
	C extends ProjectorConfig = ProjectorConfig,
	Name extends string = string
> {
	/** Upstream's projector_type. */
	readonly type: string;
	/** Golden checkpoints that test it (folders of tests/fixtures/golden); none where the goldens of families do. */
	readonly goldens: readonly string[];
	/** By name: in the model folder, in `--projector`, in runs and figures. */
	readonly variants: Readonly<Record<Name, Variant>>;
	/** Place in a comparison: the smallest stands first. */
	readonly rank: number;
	/** What decides M at run time; the graph then has inputs for it, which `ProjectorParts.feeds` gives. */
	readonly tokensBy: TokenRule;
	/** Where its visual tokens lie on the image. */
	readonly places: TokenPlaces;
	/** Reads its own fields. Throws InputError on values the graph cannot serve. */
	readonly parseConfig: (fields: ConfigFields, common: CommonProjectorConfig) => C;
	readonly of: (config: C) => ProjectorParts<Name>;
}

/** A projector: its definition and its config, bound together. */
export interface Projector extends ProjectorParts {
	/** Name on the page and in figures. */
	readonly title: string;
}

/** A definition as the registry has it, where a config is only known to be some projector's. */
export interface RegisteredProjector extends ProjectorDefinition {
	readonly of: (config: ProjectorConfig) => Projector;
}

/** Erases a definition's own config type. */
export function defineProjector<C extends ProjectorConfig, Name extends string>(
	definition: ProjectorDefinition<C, Name>
): RegisteredProjector {
	return {
		...definition,
		of: (config) => {
			if (config.projector_type !== definition.type)
				throw new Error(`A ${config.projector_type} config was given to the ${definition.type} projector.`);
			const parts = definition.of(config as C);
			return {
				...parts,
				title: definition.variants[parts.name].title,
				graph: (state, side, view) => withNewline(parts.graph(state, side, view), state, config)
			};
		}
	};
}

/** Gives a graph the learned newline of a config that has one as an output of its own: `image_newline` [O]. */
function withNewline(graph: Graph, state: StateDict, config: ProjectorConfig): Graph {
	if (!config.image_newline) return graph;
	const shape = [config.output_hidden_size];
	graph.output(NEWLINE_OUTPUT, projectorModule(graph, state).at(NEWLINE_OUTPUT).parameter(shape), shape);
	return graph;
}

/** 0 … length − 1 */
export const indices = (length: number): number[] => Array.from({ length }, (_, index) => index);

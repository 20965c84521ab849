import type { ProjectorConfig } from '$lib/model/config.ts';
import type { ProjectorEntry } from '$lib/model/manifest.ts';

/** A place in a projector whose response can be measured. */
export interface Stage {
	/** Name of the graph's output. */
	readonly output: string;
	/** What it is called in figures. */
	readonly title: string;
	/** A step inside a block, left out when only whole blocks are shown. */
	readonly inner?: boolean;
}

/** A squeeze-and-excite unit: what stands before and after its gates. */
export interface GateUnit {
	readonly title: string;
	readonly before: string;
	readonly after: string;
}

interface Anatomy {
	readonly stages: readonly Stage[];
	readonly gates: readonly GateUnit[];
}

const count = (length: number) => Array.from({ length }, (_, index) => index);
const readout: Stage = { output: 'visual_embeds', title: 'readout' };

function convolutional(depth: number): Anatomy {
	/** Blocks are counted through, those after the pooling go on where those before it end. */
	const blocks = (stage: 1 | 2) =>
		count(depth).map((j) => ({
			output: `proj.s${stage}.b${j + 1}`,
			title: `block ${(stage - 1) * depth + j + 1}`
		}));
	const steps = ({ output, title }: Stage): Stage[] => [
		{ output: `${output}.conv2_norm_act`, title: `${title}, 3 × 3`, inner: true },
		{ output: `${output}.se`, title: `${title}, gate`, inner: true },
		{ output, title }
	];
	return {
		stages: [
			...blocks(1).flatMap(steps),
			{ output: 'proj.sampler', title: 'pooling' },
			...blocks(2).flatMap(steps),
			readout
		],
		gates: [...blocks(1), ...blocks(2)].map(({ output, title }) => ({
			title,
			before: `${output}.conv2_norm_act`,
			after: `${output}.se`
		}))
	};
}

/** One line for each kind of projector; a kind that is not named has its readout only. */
const anatomies: Readonly<
	Partial<Record<ProjectorConfig['projector_type'], (config: ProjectorConfig) => Anatomy | undefined>>
> = {
	'c-abs': (config) => ('mlp_depth' in config ? convolutional(config.depth) : undefined),
	'd-abs': (config) =>
		'decoder_layers' in config
			? {
					stages: [
						...count(config.decoder_layers).flatMap((i): Stage[] => [
							{ output: `proj.layer${i}.after_self_attn`, title: `layer ${i} self`, inner: true },
							{ output: `proj.layer${i}.after_cross_attn`, title: `layer ${i} sampling`, inner: true },
							{ output: `proj.layer${i}.out`, title: `layer ${i}` }
						]),
						readout
					],
					gates: []
				}
			: undefined,
	resampler: (config) =>
		'intermediate_size' in config
			? {
					stages: [
						...count(config.num_hidden_layers).flatMap((i): Stage[] => [
							{ output: `proj.layer${i}.context`, title: `layer ${i} attention`, inner: true },
							{ output: `proj.layer${i}.out`, title: `layer ${i}` }
						]),
						readout
					],
					gates: []
				}
			: undefined,
	mlp: (config) =>
		'prenorm' in config
			? {
					stages: [
						...count(config.depth - 1).map((j): Stage => ({
							output: `proj.net.${2 * j}`,
							title: `linear ${j}`
						})),
						readout
					],
					gates: []
				}
			: undefined
};

/** The stages of a projector in the order of the network, and its gates. */
export function anatomyOf(entry: ProjectorEntry): Anatomy {
	return anatomies[entry.config.projector_type]?.(entry.config) ?? { stages: [readout], gates: [] };
}

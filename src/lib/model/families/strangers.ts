import type { JsonObject } from '../../bytes/json.ts';

/** A published kind of model that is known by name and not served. */
interface Stranger {
	readonly title: string;
	readonly recognise: (config: JsonObject) => boolean;
	/** What it has that no served family has, after "since it has". */
	readonly differs: string;
}

const typed = (pattern: RegExp) => (config: JsonObject) =>
	typeof config.model_type === 'string' && pattern.test(config.model_type);

export const strangers: readonly Stranger[] = [
	{
		title: 'VideoLLaMA2',
		recognise: (config) =>
			typed(/^videollama/)(config) || /^stc_connector/.test(String(config.mm_projector_type)),
		differs: 'a projector of three-dimensional convolutions over frames'
	},
	{
		title: 'HyperCLOVA X SEED (text)',
		recognise: typed(/^hyperclovax$/),
		differs: 'a language model alone, without a vision tower and a projector'
	},
	{
		title: 'HyperCLOVA X Vision V2',
		recognise: typed(/^hyperclovax_vision/),
		differs: 'a linear projector behind a vision tower of the Qwen2.5-VL kind'
	},
	{
		title: 'InternVL',
		recognise: typed(/^internvl/),
		differs: 'InternViT and dynamic tiles with a language model of another kind'
	},
	{
		title: 'Qwen-VL',
		recognise: typed(/^qwen\d?(_\d)?_?vl/),
		differs:
			'a merger between its tower and its language model (window attention in 2.5), and positions in three axes'
	},
	{
		title: 'LLaVA-OneVision',
		recognise: (config) => typed(/^llava_(onevision|qwen)/)(config),
		differs: 'tiles of any number around a SigLIP tower, and Qwen2'
	},
	{
		title: 'LLaVA-NeXT',
		recognise: typed(/^llava_(next|mistral|mixtral)/),
		differs: 'tiles with a learned newline'
	},
	{
		title: 'Idefics2',
		recognise: typed(/^idefics2$/),
		differs: 'a perceiver resampler behind pictures of any aspect'
	},
	{ title: 'BLIP-2', recognise: typed(/^(instruct)?blip/), differs: 'a Q-Former' },
	{
		title: 'PaliGemma',
		recognise: typed(/^paligemma/),
		differs: 'Gemma, which sees its prompt in both directions'
	}
];

import type { HoneybeeConfig } from './config.ts';

/** What `--dtype` takes. Each preset fixes the type of every sub-model (`SubModelDTypes`). */
export type DTypePreset = 'fp32' | 'fp16' | 'q4' | 'q4f16';

/** How a sub-model's matrices are stored and multiplied. */
export type WeightDType = 'fp32' | 'fp16' | 'q8' | 'q4' | 'q4f16';

export interface SubModelDTypes {
	readonly vision: WeightDType;
	/** Projectors and normalisation stay float32 whatever the preset (upstream does the same). */
	readonly projector: 'fp32';
	readonly embedding: WeightDType;
	readonly language: WeightDType;
}

/** A file of the model folder. Every byte that is loaded is checked against `sha256`. */
export interface ModelFile {
	readonly path: string;
	readonly size: number;
	readonly sha256: string;
}

/** An ONNX graph and the weight shards (safetensors) its external data lies in; paths relative to the folder. */
export interface GraphFiles {
	readonly graph: string;
	readonly weights: readonly string[];
}

/** A language graph over decoder layers `[from, to)`; a model too large for one session has several. */
export interface LanguageGraph extends GraphFiles {
	readonly layers: readonly [from: number, to: number];
}

/**
 * Where a projector's visual tokens lie on the image: `patches`, one on each patch; `grid`, √M × √M cells row by row; `apart`, each on
 * several patches that do not all touch, which the projector's `bins` say; `none`, nowhere of their own.
 */
export type TokenPlaces = (typeof tokenPlaces)[number];
export const tokenPlaces = ['patches', 'grid', 'apart', 'none'] as const;

/**
 * What decides M, the number of visual tokens of a view: `fixed`, the weights; `squares`, whoever asks, any square number; `prefix`,
 * whoever asks, any number, of which the tokens are the first; `picture`, its grid of patches.
 */
export type TokenRule = (typeof tokenRules)[number];
export const tokenRules = ['fixed', 'squares', 'prefix', 'picture'] as const;

export interface ProjectorEntry extends GraphFiles {
	/** Upstream's projector_type. */
	readonly type: string;
	/** What the UI calls it, e.g. "C-Abstractor". */
	readonly title: string;
	/** M the checkpoint was made with (visual query tokens per image, without eos tokens); where pictures decide, that of the largest square one. */
	readonly num_query_tokens: number;
	readonly num_eos_tokens: number;
	/** Absolute indices into `vision.hidden_states` of the features it reads, joined along channels. */
	readonly feature_layers: readonly number[];
	/** The kind it belongs to when it has a name of its own: projectors of one family differ in M only. */
	readonly family?: string;
	/** M values it was trained at. */
	readonly trained_tokens: readonly number[];
	readonly tokens_by: TokenRule;
	/** The largest M it can give. */
	readonly most_tokens: number;
	readonly token_places: TokenPlaces;
	/** The checkpoint's projector_config after migration. */
	readonly config: HoneybeeConfig['projector_config'];
	/** Of the second view on, where each view has a network of its own. */
	readonly networks?: readonly GraphFiles[];
}

/** The graphs of a projector, view by view; one for all views mostly. */
export const networksOf = (entry: ProjectorEntry): readonly GraphFiles[] => [
	entry,
	...(entry.networks ?? [])
];

/**
 * What becomes of a transparent picture: `drop`, the colours under alpha are seen, as PIL's `convert("RGB")` gives them and transformers up to
 * 4.57 does; `white`, it is laid on white, as transformers from 5 on does.
 */
export const transparencies = ['drop', 'white'] as const;
export type Transparency = (typeof transparencies)[number];

/** How pictures are made ready. What else there is, is the family's. */
export interface ImageSettings {
	/** Side S in pixels of what the tower sees. */
	readonly size: number;
	/** Mean and standard deviation per RGB channel, of values in 0..1. */
	readonly mean: readonly number[];
	readonly std: readonly number[];
	/** What becomes of transparent pictures; absent: alpha is dropped. */
	readonly transparency?: Transparency;
	readonly [setting: string]: unknown;
}

/** How conversations are written. What else there is, is the family's. */
export interface PromptSettings {
	readonly template: string;
	readonly [setting: string]: unknown;
}

/** Name of the file in a model folder that holds its manifest. */
export const MANIFEST_FILE = 'honeybee.json';

/** `honeybee.json` of a model folder. Folders of version 1 are read as this, too (`check-manifest.ts`). */
export interface ModelManifest {
	readonly format: 'honeybee-model';
	readonly format_version: 2;
	readonly name: string;
	/** Name of a family (`families/registry.ts`). */
	readonly family: string;
	/** How the checkpoint was written, where the family has several spellings. */
	readonly spelling?: string;
	/** Whose computation is followed where releases differ, and in what. */
	readonly reference?: string;
	/**
	 * `one`: each picture is one view; `tiles`: how many views, and so how many visual tokens, depends on the picture; `sizes`: one view, whose
	 * size, and so how many visual tokens, depends on the picture; `several`: as many views of every picture.
	 */
	readonly views: 'one' | 'tiles' | 'sizes' | 'several';
	readonly provenance: {
		readonly converter: string;
		/** One per converted checkpoint: its folder's name, projector and files. */
		readonly sources: readonly {
			readonly checkpoint: string;
			readonly projector: string;
			readonly files: readonly ModelFile[];
		}[];
		readonly licence?: string;
		/** What its training forbids to conclude from figures of where visual tokens belong: sentences that stand in their methods. */
		readonly caveat?: string;
		/** Which reading of the checkpoint is followed where releases of transformers differ, in whole sentences. */
		readonly followed?: readonly string[];
		/**
		 * What it was trained on, where that is the workbench's own scenes and nothing else: sentences that stand beside its answers about other
		 * pictures.
		 */
		readonly knows?: string;
		/** Path of a training or evaluation record in the folder, if any. */
		readonly evaluation?: string;
	};
	readonly config: Pick<HoneybeeConfig, 'vision_config' | 'text_config' | 'lm_config'>;
	readonly dtype: DTypePreset;
	readonly dtypes: SubModelDTypes;
	/** float type of past_key_values: 'float32' or 'float16'. */
	readonly kv_dtype: 'float32' | 'float16';
	readonly image: ImageSettings;
	readonly prompt: PromptSettings;
	readonly tokenizer: string;
	readonly graphs: {
		readonly vision: GraphFiles;
		readonly embedding: GraphFiles;
		readonly language: readonly LanguageGraph[];
		/** Attention of one layer, from the queries and keys that `language` gives; without weights. */
		readonly attention: GraphFiles;
		/** Logit lens: input hidden_states [batch, position, hidden], output logits. */
		readonly lens: GraphFiles;
		/** Truncates one layer's KV cache: inputs key, value, keep; outputs kept_key, kept_value. */
		readonly cache: GraphFiles;
	};
	readonly projectors: Readonly<Record<string, ProjectorEntry>>;
	/** Bytes needed to run, without the runtime itself: all weights, and KV cache per token. */
	readonly memory: { readonly weights: number; readonly kv_per_token: number };
	readonly files: readonly ModelFile[];
}

/** Whether the language model is stored in 4 bits, as the decoder's kernels want it. */
export function languageIn4Bits({ dtypes }: Pick<ModelManifest, 'dtypes'>): boolean {
	return dtypes.language === 'q4' || dtypes.language === 'q4f16';
}

/** Whether matrices are stored as integers with a scale for every block, to be multiplied by MatMulNBits. */
export function storedInBlocks({ dtypes }: Pick<ModelManifest, 'dtypes'>): boolean {
	return [dtypes.vision, dtypes.language].some((dtype) => dtype === 'q4' || dtype === 'q8');
}

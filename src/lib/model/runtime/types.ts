import type { Tensor } from '../../tensor/tensor.ts';
import type { RgbImage } from '../image/rgb.ts';
import type { LocalityMethod } from '../probes/locality.ts';

/** What goes into a model and what comes out; the same in the worker and in Node. All of it is structured-cloneable. */
/**
 * Other numbers, so another name: `wasm-int8` is WASM with block-quantised matrices multiplied in 8 bits; `wasm-q4` has them as stored, with
 * activations in 8 bits, in a language model in 4 bits. `node-int8` is Node with matrices that are stored in 8 bits multiplied in them, and
 * activations in 8 bits for those in 4; `node-q4` differs from it in the language model, which is that of `wasm-q4`.
 */
export type WasmBackendName = 'wasm' | 'wasm-int8' | 'wasm-q4';
export type NodeBackendName = 'node' | 'node-int8' | 'node-q4';
export type BackendName = 'webgpu' | WasmBackendName | NodeBackendName;

export interface LoadProgress {
	readonly stage: 'manifest' | 'weights' | 'session' | 'self-check';
	/** File or sub-model in work. */
	readonly what: string;
	/** Bytes so far and in all, over the whole load. */
	readonly loaded: number;
	readonly total: number;
}

/** What the UI states about where the model runs. */
export interface BackendInfo {
	readonly backend: BackendName;
	/** E.g. adapter description, or "4 threads, SIMD". */
	readonly description: string;
	readonly threads: number;
	/** WebGPU found only a software adapter. */
	readonly software: boolean;
	/** Why `auto` chose this backend, one sentence. */
	readonly reason: string;
	readonly shader_f16: boolean;
}

/** RGBA pixels, or encoded file bytes (PNG, JPEG, WebP, …), named by the sha256 of the file or pixels. */
export interface ImageInput {
	/** Hash that names the image in the session, in caches and in provenance. */
	readonly id: string;
	/** Empty where there is no file, only `pixels`. */
	readonly bytes: Uint8Array;
	/** File name for messages. */
	readonly name: string;
	/** What `bytes` decode to, squashed or not, where someone has done so already; `bytes` are not decoded then. */
	readonly pixels?: RgbImage;
}

export interface Turn {
	readonly question: string;
	/** Images put in before this question; upstream formats one line `Human: <image>` for each. */
	readonly images: readonly ImageInput[];
	/** Answer of an earlier turn; absent in the last turn. */
	readonly answer?: string;
	/** Ids of that answer as generated, so that the cached prefix is reused exactly. */
	readonly answer_ids?: readonly number[];
}

export interface SamplingOptions {
	/** 0 is greedy. */
	readonly temperature: number;
	/** Number of most probable tokens drawn from; 0 is all. */
	readonly top_k: number;
	/** Probability mass drawn from; 1 is all. */
	readonly top_p: number;
	readonly seed: number;
	readonly max_new_tokens: number;
	readonly stop: readonly string[];
}

export interface AnswerRequest {
	readonly projector: string;
	/** M; absent for the projector's own. */
	readonly tokens?: number;
	readonly turns: readonly Turn[];
	readonly sampling: SamplingOptions;
	/** Whole prompt used as it is instead of the template (images are those of `turns`). */
	readonly raw_prompt?: string;
	/**
	 * The raw prompt is one of Honeybee's templates, as benchmarks have it: a model of another family is asked the same question within its
	 * own template.
	 */
	readonly own_template?: boolean;
	/** The last question has the model's placeholder within it for some of its pictures; the others stand before it. */
	readonly pictures_within?: boolean;
	/** Stands first in the prompt, in place of what the model's family says there; of a prompt that is whole it is a part already. */
	readonly system?: string;
	/** What the answer begins with: it stands in the prompt already and is not part of the result's text. */
	readonly answer_begins?: string;
	/** Done, in order, to the visual tokens of the last image before they enter the prompt. */
	readonly edits?: readonly TokenEdit[];
	/**
	 * Nothing comes out of caches: neither features nor visual tokens of its images, nor keys and values of the prompt. Its timings are
	 * then those of the whole work. What it computes is kept as ever.
	 */
	readonly cold?: boolean;
}

/** A change to the visual tokens of one image; tokens are named by their index among the M as they were before any edit. */
export type TokenEdit =
	/** Their positions leave the prompt. */
	| { readonly kind: 'delete'; readonly tokens: readonly number[] }
	/** Replaced by the mean of the image's visual tokens that enter the prompt. */
	| { readonly kind: 'mean'; readonly tokens: readonly number[] }
	| { readonly kind: 'swap'; readonly pairs: readonly (readonly [number, number])[] }
	/** Replaced by tokens `source` (as many) of another image, or of another projector of the same model. */
	| {
			readonly kind: 'transplant';
			readonly tokens: readonly number[];
			readonly source: readonly number[];
			readonly from: { readonly projector: string; readonly tokens?: number; readonly image: ImageInput };
	  };

/** An answer to be looked into: the request that it answers, and the answer as ids, or as text from elsewhere. */
export type AnswerProbe = Omit<AnswerRequest, 'sampling' | 'cold'> & {
	readonly answer: { readonly ids: readonly number[] } | { readonly text: string };
};

/** The answer's tokens as the loaded model sees them. */
export interface AnswerTokens {
	readonly ids: readonly number[];
	/** What each id adds to the text; joined they are the text. */
	readonly pieces: readonly string[];
}

/** Forced decoding. */
export interface AnswerScores extends AnswerTokens {
	/** Natural logarithm of each token's probability given all before it: float32 [answer]. */
	readonly log_probabilities: Float32Array;
}

export type InfluenceMethod = 'attention' | 'ablation' | 'gradient';

export type InfluenceRequest = AnswerProbe & { readonly method: InfluenceMethod };

/** How much each visual token of the last image bears on each token of the answer. */
export interface Influence extends AnswerTokens {
	readonly method: InfluenceMethod;
	/**
	 * attention: float32 [layer, head, answer, M], share of attention from the position that predicts the token;
	 * ablation: float32 [answer, M], log-probability with the visual token minus with the mean in its place (nats);
	 * gradient: float32 [answer, M], slope of the log-probability at the visual token towards it from the mean (nats per whole way).
	 */
	readonly values: Tensor<'float32'>;
}

/** Logit lens on the visual tokens of the last image. */
export interface LensRequest extends Omit<AnswerRequest, 'sampling' | 'cold'> {
	/** Words kept per cell. */
	readonly words?: number;
}

export interface LensReading {
	readonly words: readonly string[];
	readonly probabilities: readonly number[];
	/** Of the whole distribution, bits. */
	readonly entropy: number;
}

/**
 * [layer 0 … num_hidden_layers][visual token]: layer 0 is the embeddings, the last is what the model itself predicts there.
 * A deleted token has no words, and NaN for its entropy.
 */
export type LensGrid = readonly (readonly LensReading[])[];

export interface StageTimings {
	readonly vision: number;
	readonly projector: number;
	readonly prefill: number;
	readonly decode: number;
}

export interface AnswerResult {
	readonly text: string;
	/** New ids, the end token included when the model gave it; without those of a stop string that was cut off. */
	readonly ids: readonly number[];
	/** The prompt; −1 at every image token. */
	readonly prompt_ids: readonly number[];
	readonly timings_ms: StageTimings;
	readonly tokens_per_second: number;
	/** Prompt positions taken from the cache instead of computed. */
	readonly cached_positions: number;
	readonly stop_reason: 'eos' | 'length' | 'stop' | 'cancelled';
	readonly backend: BackendName;
	readonly dtype: string;
}

export type AnswerEvent =
	| { readonly type: 'stage'; readonly stage: 'vision' | 'projector' | 'prefill' | 'decode' }
	| { readonly type: 'token'; readonly id: number; /** Text so far, whole. */ readonly text: string }
	| { readonly type: 'done'; readonly result: AnswerResult };

/** Named activations; names are those of the golden files without their case prefix. */
export type Trace = Readonly<Record<string, Tensor>>;

export interface TraceRequest {
	readonly projector: string;
	readonly tokens?: number;
	readonly image: ImageInput;
	/** Names or prefixes wanted (e.g. `proj.`); everything the projector offers when absent. */
	readonly names?: readonly string[];
}

/** Vectors of the language model's width, such as visual tokens. */
export interface NearestWordsRequest {
	/** float32 [n, hidden] */
	readonly vectors: Float32Array;
	/** Words for each; 5 when absent. */
	readonly words?: number;
}

/** Words of the vocabulary by the cosine of their input embeddings with each vector, the nearest first. */
export interface NearestWords {
	/** [n][words], as the vocabulary spells them */
	readonly words: readonly (readonly string[])[];
	readonly cosines: readonly (readonly number[])[];
	/** Input embedding of the nearest word: float32 [n, hidden]. */
	readonly embeds: {
		readonly dtype: 'float32';
		readonly dims: readonly number[];
		readonly data: Float32Array;
	};
}

/** Attention inside the vision tower, for one view of an image. */
export interface TowerAttentionRequest {
	readonly image: ImageInput;
	/** Which of the image's views; the whole one when absent. */
	readonly view?: number;
	/** Encoder layers, from 0; all that the tower computes when absent. */
	readonly layers?: readonly number[];
	/** Whether the attention itself is wanted, beside its summary: [position, position] for every head. */
	readonly whole?: boolean;
}

/** L layers asked for, H heads, P positions: a class token first where the tower has one, then the N patches row by row. */
export interface TowerAttention {
	readonly layers: readonly number[];
	readonly classTokens: number;
	/** N */
	readonly patches: number;
	/** Mean distance that patches attend over, in patches: float32 [L, H]. */
	readonly distance: Float32Array;
	/** Share of the patches' attention that goes to the class token: float32 [L, H]; 0 without one. */
	readonly toClass: Float32Array;
	/** float32 [L, H, P, P], rows sum to one; empty unless `whole`. */
	readonly attention: Tensor<'float32'>;
}

/** Locality maps of one image: how much each patch moves each visual token. */
export interface LocalityRequest {
	readonly projector: string;
	readonly tokens?: number;
	readonly image: ImageInput;
	readonly method: LocalityMethod;
	/** Which of the image's views; the first one when absent. */
	readonly view?: number;
	/** Random directions per patch (perturbation). */
	readonly directions?: number;
	readonly seed?: number;
	/** Responses to so many parts of the directions are given, too (`LocalityOptions.parts`). */
	readonly parts?: number;
	/** Projector outputs whose response is measured; `visual_embeds` when absent. */
	readonly outputs?: readonly string[];
}

/** How far a computation is, in steps of its own: runs of the model, images, answers. */
export interface Progress {
	readonly done: number;
	readonly total: number;
}

/** How a computation that takes time is followed and stopped. */
export interface Control {
	/** Aborted, the computation rejects with the signal's reason at its next step. */
	readonly signal?: AbortSignal | undefined;
	readonly onProgress?: ((progress: Progress) => void) | undefined;
}

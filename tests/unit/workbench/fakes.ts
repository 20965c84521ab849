import type { ModelClient } from '../../../src/lib/workbench/session/client.ts';
import type { ProbeName, ProbeRequest, ProbeResult, Probes } from '../../../src/lib/study/answerer.ts';
import type { Control } from '../../../src/lib/study/control.ts';
import { ProbeMethods } from '../../../src/lib/study/probe-methods.ts';
import { Session, type SessionParts } from '../../../src/lib/workbench/session/session.ts';
import type { SessionImage } from '../../../src/lib/workbench/session/images.ts';
import type { Memory } from '../../../src/lib/workbench/session/storage.ts';
import type { CAbsConfig } from '../../../src/lib/model/projectors/c-abs/config.ts';
import type { ResamplerConfig } from '../../../src/lib/model/projectors/resampler/config.ts';
import { Mutex } from '../../../src/lib/model/runtime/mutex.ts';
import type { ModelManifest, ProjectorEntry } from '../../../src/lib/model/manifest.ts';
import type { AnswerEvent, AnswerRequest, AnswerResult } from '../../../src/lib/model/runtime/types.ts';
import type { LoadedModel, LoadRequest, WorkerState } from '../../../src/workers/model/api.ts';

const common = {
	num_query_tokens: 9,
	num_eos_tokens: 0,
	feature_layer_index: -1,
	pos_emb: false,
	encoder_hidden_size: 8,
	output_hidden_size: 16
};
const cAbs: CAbsConfig = {
	...common,
	projector_type: 'c-abs',
	depth: 1,
	mlp_depth: 1,
	hidden_size: 8,
	prenorm: false
};
const resampler: ResamplerConfig = {
	...common,
	projector_type: 'resampler',
	hidden_size: 8,
	num_hidden_layers: 1,
	num_attention_heads: 1,
	intermediate_size: 8,
	layer_norm_eps: 1e-5
};

function entry(
	title: string,
	more: Pick<ProjectorEntry, 'type' | 'tokens_by' | 'most_tokens' | 'token_places' | 'config'>
): ProjectorEntry {
	return {
		graph: 'projector.onnx',
		weights: [],
		title,
		num_query_tokens: 9,
		num_eos_tokens: 0,
		feature_layers: [2],
		trained_tokens: [9],
		...more
	};
}

/** 48-pixel images in 8-pixel patches: a 6 × 6 grid. */
export function fakeManifest(name: string): ModelManifest {
	const graph = { graph: 'g.onnx', weights: [] };
	return {
		format: 'honeybee-model',
		format_version: 2,
		name,
		family: 'honeybee',
		views: 'one',
		provenance: { converter: 'test', sources: [] },
		config: {
			vision_config: {
				hidden_size: 8,
				intermediate_size: 16,
				num_hidden_layers: 2,
				num_attention_heads: 2,
				num_channels: 3,
				patch_size: 8,
				image_size: 48,
				hidden_act: 'quick_gelu',
				layer_norm_eps: 1e-5,
				image_mean: [0, 0, 0],
				image_std: [1, 1, 1]
			},
			text_config: {
				vocab_size: 32,
				hidden_size: 16,
				intermediate_size: 32,
				num_hidden_layers: 1,
				num_attention_heads: 2,
				num_key_value_heads: 1,
				head_dim: 8,
				rms_norm_eps: 1e-5,
				rope_theta: 10000,
				max_position_embeddings: 128,
				tie_word_embeddings: false,
				bos_token_id: 1,
				eos_token_id: 2,
				pad_token_id: 0
			},
			lm_config: { pretrained_lm_name_or_path: '', pretrained_tokenizer_name_or_path: '' }
		},
		dtype: 'fp32',
		dtypes: { vision: 'fp32', projector: 'fp32', embedding: 'fp32', language: 'fp32' },
		kv_dtype: 'float32',
		image: { size: 48, mean: [0, 0, 0], std: [1, 1, 1] },
		prompt: { template: 'free-form' },
		tokenizer: 'tokenizer.json',
		graphs: {
			vision: graph,
			embedding: graph,
			language: [{ ...graph, layers: [0, 1] }],
			attention: graph,
			lens: graph,
			cache: graph
		},
		projectors: {
			'c-abs': entry('C-Abstractor', {
				type: 'c-abs',
				tokens_by: 'squares',
				most_tokens: 36,
				token_places: 'grid',
				config: cAbs
			}),
			resampler: entry('Resampler', {
				type: 'resampler',
				tokens_by: 'fixed',
				most_tokens: 9,
				token_places: 'none',
				config: resampler
			})
		},
		memory: { weights: 1000, kv_per_token: 10 },
		files: []
	};
}

export function fakeResult(text: string, more: Partial<AnswerResult> = {}): AnswerResult {
	return {
		text,
		ids: [...text].map((letter) => letter.charCodeAt(0)),
		prompt_ids: [1, 2, 3],
		timings_ms: { vision: 1, projector: 2, prefill: 3, decode: 4 },
		tokens_per_second: 10,
		cached_positions: 0,
		stop_reason: 'eos',
		backend: 'wasm',
		dtype: 'fp32',
		...more
	};
}

const cancelled: AnswerEvent = {
	type: 'done',
	result: fakeResult('so fa', { stop_reason: 'cancelled' })
};

/** A client whose worker is the test: events go out when the test sends them. Answers wait for each other, as before a model. */
export class FakeClient extends ProbeMethods implements ModelClient {
	state: WorkerState = { status: 'idle' };
	readonly loads: LoadRequest[] = [];
	/** Those whose turn has come. */
	readonly requests: AnswerRequest[] = [];
	/** Of the requests, in their order. */
	readonly signals: (AbortSignal | undefined)[] = [];
	cancels = 0;
	restarts = 0;
	disposed = false;
	/** Set to make the next load fail with this sentence. */
	loadError: string | undefined;
	/** What loaded models say that they know. */
	knows: string | undefined;
	/** Of each model, by its name. */
	manifestOf = fakeManifest;
	/** While set, loads wait for it. */
	gate: Promise<void> | undefined;
	/** A new worker's at each load. */
	#mutex = new Mutex();
	#listeners = new Set<(state: WorkerState) => void>();
	#waiting: { resolve: (event: AnswerEvent) => void; reject: (error: Error) => void } | undefined;
	#queue: AnswerEvent[] = [];

	subscribe(listener: (state: WorkerState) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	set(state: WorkerState): void {
		this.state = state;
		for (const listener of this.#listeners) listener(state);
	}

	async load(request: LoadRequest): Promise<LoadedModel> {
		this.loads.push(request);
		this.#mutex = new Mutex();
		this.set({ status: 'loading', progress: { stage: 'weights', what: 'w', loaded: 1, total: 2 } });
		await this.gate;
		if (this.loadError !== undefined) {
			const message = this.loadError;
			this.loadError = undefined;
			this.set({ status: 'failed', reason: 'load', message });
			throw new Error(message);
		}
		const name = request.location.kind === 'url' ? (request.location.url.split('/').at(-2) ?? '') : '';
		const manifest = this.manifestOf(name);
		const { knows } = this;
		const model: LoadedModel = {
			manifest: {
				...manifest,
				provenance: { ...manifest.provenance, ...(knows !== undefined && { knows }) }
			},
			load_ms: 1,
			backend: {
				backend: 'wasm',
				description: '2 threads',
				threads: 2,
				software: false,
				reason: 'A test.',
				shader_f16: false
			}
		};
		this.set({ status: 'ready', model });
		return model;
	}

	async *answer(request: AnswerRequest, { signal }: Control = {}): AsyncGenerator<AnswerEvent, void, void> {
		const release = await this.#mutex.acquire('now', signal).catch(() => undefined);
		if (!release) return yield cancelled;
		this.requests.push(request);
		this.signals.push(signal);
		const cancel = () => void this.cancel();
		signal?.addEventListener('abort', cancel, { once: true });
		try {
			for (;;) {
				const event = await this.#next();
				yield event;
				if (event.type === 'done') return;
			}
		} finally {
			signal?.removeEventListener('abort', cancel);
			release();
		}
	}

	/** What the probes give, as a test sets it; none of them answers by itself. */
	readonly probes: Partial<Probes> = {};

	probe<N extends ProbeName>(name: N, request: ProbeRequest[N], control?: Control): Promise<ProbeResult[N]> {
		const probe = this.probes[name];
		if (!probe) throw new Error(`The test has set no ${name}.`);
		return probe(request, control);
	}

	send(...events: AnswerEvent[]): void {
		for (const event of events) {
			const waiting = this.#waiting;
			this.#waiting = undefined;
			if (waiting === undefined) this.#queue.push(event);
			else waiting.resolve(event);
		}
	}

	/** Ends the answer with an error, as a refused request does. */
	refuse(message: string): void {
		this.#waiting?.reject(new Error(message));
		this.#waiting = undefined;
	}

	async cancel(): Promise<void> {
		this.cancels += 1;
		this.send(cancelled);
	}

	async restart(): Promise<LoadedModel | undefined> {
		this.restarts += 1;
		const last = this.loads.at(-1);
		return last === undefined ? undefined : this.load(last);
	}

	dispose(): void {
		this.disposed = true;
	}

	#next(): Promise<AnswerEvent> {
		const queued = this.#queue.shift();
		if (queued !== undefined) return Promise.resolve(queued);
		return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
	}
}

export class FakeMemory implements Memory {
	readonly map = new Map<string, string>();
	getItem(key: string): string | null {
		return this.map.get(key) ?? null;
	}
	setItem(key: string, value: string): void {
		this.map.set(key, value);
	}
}

export function fakeImage(id: string, questions: readonly string[] = []): SessionImage {
	return {
		id,
		name: `${id}.png`,
		bytes: new Uint8Array([1]),
		url: `blob:${id}`,
		width: 64,
		height: 48,
		questions
	};
}

/** Lets every promise that can settle now settle. */
export async function settle(): Promise<void> {
	await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Two models, by their names. */
export const fakeModels = ['mini', 'other'].map((name) => ({
	name,
	title: name,
	location: { kind: 'url', url: `http://site/models/${name}/` } as const
}));

/** A session over a fake client, with one sample scene; not yet started. */
export function makeSession(more: Partial<SessionParts> = {}) {
	const client = new FakeClient();
	const memory = new FakeMemory();
	const session = new Session({
		client,
		memory,
		listModels: async () => fakeModels,
		sampleScenes: async () => [fakeImage('scene', ['How many cats?'])],
		openImage: async (_file, name) => fakeImage(name),
		...more
	});
	const { models, images, conversation } = session;
	return { client, memory, session, models, images, conversation };
}

export async function startedSession(more: Partial<SessionParts> = {}) {
	const made = makeSession(more);
	await made.session.start();
	return made;
}

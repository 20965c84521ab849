import { sha256 } from '../../model/runtime/model-folder.ts';
import type { AnswerEvent, AnswerRequest, AnswerResult, ImageInput } from '../../model/runtime/types.ts';
import { greedy } from '../../model/sampling.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Benchmark, Example, ExampleImage } from '../benchmark.ts';
import type { ImagePreparer } from './prepare.ts';
import type { RunIdentity, RunRecord } from './record.ts';

/** A model that answers, in this thread or in a worker. */
export interface Answerer {
	answer(request: AnswerRequest, options?: { readonly signal?: AbortSignal }): AsyncIterable<AnswerEvent>;
}

/** A projector at M tokens, and where its results go. */
export interface RunTarget {
	readonly projector: string;
	readonly tokens: number;
	readonly record: RunRecord;
}

export interface RunProgress {
	/** Answers so far, those of an earlier session included. */
	readonly done: number;
	readonly total: number;
	/** Answers a second in this session. */
	readonly rate: number;
	/** Undefined before the first answer. */
	readonly seconds_left: number | undefined;
}

export interface RunOptions {
	readonly benchmark: Benchmark;
	readonly examples: readonly Example[];
	readonly targets: readonly RunTarget[];
	readonly model: Answerer;
	/** Decodes the image after the present one while the model computes; without it the model decodes. */
	readonly prepare?: ImagePreparer;
	readonly onProgress?: (progress: RunProgress) => void;
	/** Ends the run after the answers kept so far. */
	readonly signal?: AbortSignal;
}

/**
 * Answers all examples that have no result yet, each through every target in turn, so that an image is seen once. Every
 * answer is kept before the next one begins.
 *
 * @returns false when it was aborted
 * @throws InputError for an example that cannot be asked, naming it; what was answered is kept
 */
export async function runBenchmark(options: RunOptions): Promise<boolean> {
	const { benchmark, examples, targets, model, signal } = options;
	const pending = examples
		.map((example) => ({ example, left: targets.filter(({ record }) => !record.results.has(example.id)) }))
		.filter(({ left }) => left.length > 0);
	const total = examples.length * targets.length;
	let done = total - pending.reduce((sum, { left }) => sum + left.length, 0);
	const before = done;
	const began = performance.now();
	const report = () => {
		const seconds = (performance.now() - began) / 1000;
		const rate = done > before ? (done - before) / seconds : 0;
		options.onProgress?.({ done, total, rate, seconds_left: rate > 0 ? (total - done) / rate : undefined });
	};
	const images = new ImageQueue(options.prepare);
	report();
	for (const [i, { example, left }] of pending.entries()) {
		const inputs = await naming(benchmark, example, images.take(example));
		const next = pending[i + 1]?.example;
		if (next) images.prepare(next);
		for (const { projector, tokens, record } of left) {
			if (signal?.aborted) return false;
			const request = requestOf(benchmark, example, inputs, { projector, tokens });
			let result: AnswerResult;
			do result = await naming(benchmark, example, ask(model, request, signal));
			while (
				// Someone else's stop, e.g. of the chat, stops whatever the model writes.
				result.stop_reason === 'cancelled' &&
				!signal?.aborted
			);
			if (result.stop_reason === 'cancelled') return false;
			await record.add({
				id: example.id,
				pred: result.text,
				data: example.data,
				new_tokens: result.ids.length,
				prompt_tokens: result.prompt_ids.length,
				stop_reason: result.stop_reason,
				timings_ms: result.timings_ms,
				cached_positions: result.cached_positions
			});
			done++;
			report();
		}
	}
	return true;
}

function requestOf(
	benchmark: Benchmark,
	example: Example,
	images: readonly ImageInput[],
	target: { readonly projector: string; readonly tokens: number }
): AnswerRequest {
	return {
		...target,
		turns: [{ question: '', images }],
		raw_prompt: benchmark.prompt(example.data, images.length),
		sampling: { ...greedy, max_new_tokens: benchmark.generation.max_new_tokens }
	};
}

async function ask(
	model: Answerer,
	request: AnswerRequest,
	signal: AbortSignal | undefined
): Promise<AnswerResult> {
	for await (const event of model.answer(request, signal ? { signal } : {}))
		if (event.type === 'done') return event.result;
	throw new Error('The answer ended without a result.');
}

/** Says which example it was that could not be used. */
async function naming<T>(benchmark: Benchmark, { id }: Example, work: Promise<T>): Promise<T> {
	try {
		return await work;
	} catch (error) {
		if (!(error instanceof InputError)) throw error;
		throw new InputError(
			`${benchmark.title}, example ${id}: ${error.message} The answers before it are kept; resume the run to go on.`
		);
	}
}

/** Images kept, by name: questions about one image mostly follow each other. */
const KEPT = 4;

/** Reads images ahead by one example. */
class ImageQueue {
	readonly #prepare: ImagePreparer | undefined;
	readonly #known = new Map<string, Promise<ImageInput>>();

	constructor(prepare: ImagePreparer | undefined) {
		this.#prepare = prepare;
	}

	take({ images }: Example): Promise<ImageInput[]> {
		return Promise.all(images.map((image) => this.#load(image)));
	}

	prepare({ images }: Example): void {
		for (const image of images) this.#load(image).catch(() => undefined);
	}

	#load(image: ExampleImage): Promise<ImageInput> {
		const known = this.#known.get(image.name);
		if (known) return known;
		const loaded = this.#read(image);
		this.#known.set(image.name, loaded);
		// A file that cannot be read now may be put right before it is asked for again.
		loaded.catch(() => this.#known.delete(image.name));
		if (this.#known.size > KEPT) this.#known.delete(this.#known.keys().next().value!);
		return loaded;
	}

	async #read(image: ExampleImage): Promise<ImageInput> {
		const bytes = await image.read();
		const { name } = image;
		const pixels = await this.#prepare?.(bytes, name);
		return { id: await sha256(bytes), bytes, name, ...(pixels && { pixels }) };
	}
}

/** Hash of what is asked: ids, prompts and fields, not the images. */
export async function hashExamples(
	benchmark: Benchmark,
	examples: readonly Example[]
): Promise<RunIdentity['data']> {
	const lines = examples.map(({ id, data, images }) =>
		JSON.stringify([id, benchmark.prompt(data, images.length), data])
	);
	return { examples: examples.length, sha256: await sha256(new TextEncoder().encode(lines.join('\n'))) };
}

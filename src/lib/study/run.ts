import type { Benchmark, Example, ExampleImage } from '../benchmarks/benchmark.ts';
import type { ImagePreparer } from '../model/image/prepare.ts';
import type { RunIdentity, RunRecord } from '../benchmarks/run/record.ts';
import type { RunWording } from '../benchmarks/run/wording.ts';
import { sha256 } from '../bytes/hash.ts';
import type { AnswerRequest, AnswerResult, ImageInput } from '../model/runtime/types.ts';
import { greedy } from '../model/runtime/sampling.ts';
import { InputError, usable } from '../tensor/errors.ts';
import type { Answerer } from './answerer.ts';
import { drain } from './ask.ts';

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
	/** In whose words the model is asked; Honeybee's when absent. */
	readonly wording?: RunWording;
	readonly model: Pick<Answerer, 'answer'>;
	/** Decodes the images after the present one while the model computes; without it the model decodes. */
	readonly prepare?: ImagePreparer;
	readonly onProgress?: (progress: RunProgress) => void;
	/** Ends the run after the answers kept so far. */
	readonly signal?: AbortSignal;
}

/**
 * Answers all examples that have no result yet. Questions about one image that follow each other go through one target after the
 * other, so that an image is seen once, and what a prompt has in common with the one before it is computed once. Every answer is
 * kept before the next one begins.
 *
 * An example that cannot be asked, such as one whose image is damaged, is noted and left out; the next run tries it again.
 *
 * @returns false when it was aborted
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
	const groups = groupByImages(pending);
	for (const [g, group] of groups.entries()) {
		const [first] = group;
		const taken = images.take(first!.example.images);
		images.readAhead(groups.slice(g + 1, g + 1 + AHEAD).map(([next]) => next!.example.images));
		const inputs = await usable(() => taken);
		for (const target of targets)
			for (const { example, left } of group) {
				if (!left.includes(target)) continue;
				if (signal?.aborted) return false;
				const result =
					example.unusable !== undefined
						? new InputError(example.unusable)
						: inputs instanceof InputError
							? inputs
							: await usable(() =>
									wholeAnswer(model, requestOf(benchmark, example, inputs, target, options.wording), signal)
								);
				if (result instanceof InputError) {
					await target.record.skip({ id: example.id, reason: result.message });
					continue;
				}
				if (result.stop_reason === 'cancelled') return false;
				await target.record.add({
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

/** Why none of the examples could be asked; undefined when one was, or none was tried. */
export function nothingAsked(benchmark: Benchmark, records: readonly RunRecord[]): InputError | undefined {
	const [first] = records.flatMap(({ skipped }) => [...skipped.values()]);
	if (!first || records.some(({ results }) => results.size > 0)) return undefined;
	return new InputError(
		`${benchmark.title}: none of the examples could be asked. The first of them, example ${first.id}: ${first.reason}`
	);
}

/** An example and the targets that have no result of it. */
interface Pending {
	readonly example: Example;
	readonly left: readonly RunTarget[];
}

/** Most examples in a group: an unfinished run then lacks the same few for all targets. */
const GROUP = 16;

/** Examples that follow each other and are about the same images; those without images stand alone. */
function groupByImages(pending: readonly Pending[]): Pending[][] {
	const groups: Pending[][] = [];
	let before: string | undefined;
	for (const one of pending) {
		const names = one.example.images.length
			? JSON.stringify(one.example.images.map(({ name }) => name))
			: undefined;
		const group = groups.at(-1);
		if (group && names !== undefined && names === before && group.length < GROUP) group.push(one);
		else groups.push([one]);
		before = names;
	}
	return groups;
}

/** What the model is asked about an example, greedily: as upstream asks it, or in words of its own. */
export function requestOf(
	benchmark: Benchmark,
	example: Example,
	images: readonly ImageInput[],
	{ projector, tokens }: { readonly projector: string; readonly tokens: number },
	wording?: RunWording
): AnswerRequest {
	const request = {
		...{ projector, tokens },
		sampling: { ...greedy, max_new_tokens: benchmark.generation.max_new_tokens }
	};
	if (!wording)
		return {
			...request,
			turns: [{ question: '', images }],
			raw_prompt: benchmark.prompt(example.data, images.length),
			own_template: true
		};
	const { text, begins } = wording.ask(example.data, images.length);
	return {
		...request,
		turns: [{ question: text, images }],
		pictures_within: true,
		...(begins !== undefined && { answer_begins: begins })
	};
}

/** The whole answer. One that something else has stopped is asked for again; `cancelled` when it was `signal`. */
async function wholeAnswer(
	model: Pick<Answerer, 'answer'>,
	request: AnswerRequest,
	signal: AbortSignal | undefined
): Promise<AnswerResult> {
	for (;;) {
		const result = await drain(model, request, { signal });
		if (result.stop_reason !== 'cancelled' || signal?.aborted) return result;
	}
}

/** Groups whose images are read while one is asked about. */
const AHEAD = 2;

const NO_FILE = new Uint8Array(0);

/** Reads images, each once as long as it is wanted now or soon. */
class ImageQueue {
	readonly #prepare: ImagePreparer | undefined;
	readonly #known = new Map<string, Promise<ImageInput>>();

	constructor(prepare: ImagePreparer | undefined) {
		this.#prepare = prepare;
	}

	/** Images that are asked about now. */
	take(images: readonly ExampleImage[]): Promise<ImageInput[]> {
		return Promise.all(images.map((image) => this.#load(image)));
	}

	/** Begins to read what is wanted next, and lets go of what was read before. */
	readAhead(next: readonly (readonly ExampleImage[])[]): void {
		const wanted = next.flat();
		const names = new Set(wanted.map(({ name }) => name));
		for (const name of this.#known.keys()) if (!names.has(name)) this.#known.delete(name);
		for (const image of wanted) this.#load(image).catch(() => undefined);
	}

	#load(image: ExampleImage): Promise<ImageInput> {
		const known = this.#known.get(image.name);
		if (known) return known;
		const loaded = this.#read(image);
		this.#known.set(image.name, loaded);
		return loaded;
	}

	async #read(image: ExampleImage): Promise<ImageInput> {
		const { name } = image;
		const given = image.pixels?.() ?? (await image.read());
		const [bytes, shown] = given instanceof Uint8Array ? [given] : [NO_FILE, given];
		const pixels = (await this.#prepare?.(given, name)) ?? shown;
		return { id: await sha256(shown?.data ?? bytes), bytes, name, ...(pixels && { pixels }) };
	}
}

/** Hash of what is asked: ids, prompts and fields, not the images. */
export async function hashExamples(
	benchmark: Benchmark,
	examples: readonly Example[]
): Promise<RunIdentity['data']> {
	const lines = examples.map(({ id, data, images, unusable }) =>
		JSON.stringify(
			unusable === undefined ? [id, benchmark.prompt(data, images.length), data] : [id, unusable]
		)
	);
	return { examples: examples.length, sha256: await sha256(new TextEncoder().encode(lines.join('\n'))) };
}

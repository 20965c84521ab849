import type { Tensor } from '../../tensor/tensor.ts';
import { PREFILL_CHUNK, type LanguageModel } from './language.ts';
import { pause } from './pause.ts';
import type { EncodedRequest } from './prompt.ts';
import { applyStopStrings } from './stop-strings.ts';
import type { TraceRecorder } from './trace-recorder.ts';
import type { AnswerEvent, AnswerResult, SamplingOptions } from './types.ts';
import type { VisualModel } from './visual.ts';
import { sourceKey, sourcesFrom, splice, type VisualEmbeds } from './visual-rows.ts';
import { createSampler } from './sampling.ts';
import type { TextTokenizer } from '../text/text-tokenizer.ts';

export interface GenerateInputs {
	readonly visual: VisualModel;
	readonly language: LanguageModel;
	readonly tokenizer: TextTokenizer;
	readonly prompt: EncodedRequest;
	readonly sampling: SamplingOptions;
	/** Longest sequence the model was made for. */
	readonly context: number;
	/** Ids at which an answer ends, beside the tokenizer's own. */
	readonly eosIds: readonly number[];
	readonly hidden: number;
	readonly backend: AnswerResult['backend'];
	readonly dtype: string;
	readonly signal?: AbortSignal;
	/** Gets every activation; nothing is then taken from caches. */
	readonly recorder?: TraceRecorder;
}

/**
 * Answers a prompt: vision → projector → splice → prefill → one token after the other until the end token, a stop string, the
 * limit or an abort. What the language model's cache already holds of the prompt is not computed again, nor are
 * the images in that part.
 * @throws BackendError when the model computes no numbers or its backend fails; InputError for an image that cannot be decoded.
 */
export async function* generate(inputs: GenerateInputs): AsyncGenerator<AnswerEvent, void, void> {
	const { language, tokenizer, prompt, sampling, signal, recorder } = inputs;
	const timings = { vision: 0, projector: 0, prefill: 0, decode: 0 };
	const clock = stopwatch();
	const sample = createSampler(sampling);
	const cached = recorder ? 0 : Math.min(language.cache.commonPrefix(prompt.keys), prompt.ids.length - 1);
	const ids: number[] = [];
	const finish = (text: string, stop_reason: AnswerResult['stop_reason']): AnswerEvent => ({
		type: 'done',
		result: {
			text,
			ids: stop_reason === 'stop' ? idsWithin(text, ids, tokenizer) : ids,
			prompt_ids: prompt.ids,
			timings_ms: timings,
			// The first token comes out of the prefill.
			tokens_per_second: timings.decode > 0 ? ((ids.length - 1) * 1000) / timings.decode : 0,
			cached_positions: cached,
			stop_reason,
			backend: inputs.backend,
			dtype: inputs.dtype
		}
	});

	const visual = yield* encodeImages(inputs, cached, timings);
	if (!visual) return yield finish('', 'cancelled');

	yield { type: 'stage', stage: 'prefill' };
	clock.start();
	const logits = await prefill(inputs, cached, visual);
	timings.prefill += clock.lap();
	if (!logits) return yield finish('', 'cancelled');

	yield { type: 'stage', stage: 'decode' };
	clock.start();
	const decoder = tokenizer.decoder();
	const limit = Math.min(sampling.max_new_tokens, inputs.context - prompt.ids.length);
	let id = sample(logits);
	for (;;) {
		ids.push(id);
		const ended = id === tokenizer.eosId || inputs.eosIds.includes(id);
		const full = ids.length >= limit;
		if (!ended) decoder.push(id);
		const over = ended || full;
		const { text, stopped } = applyStopStrings(over ? decoder.end() : decoder.text, sampling.stop, over);
		timings.decode += clock.lap();
		yield { type: 'token', id, text };
		if (stopped) return yield finish(text, 'stop');
		if (ended) return yield finish(text, 'eos');
		if (full) return yield finish(text, 'length');
		await pause();
		if (signal?.aborted)
			return yield finish(applyStopStrings(decoder.end(), sampling.stop, true).text, 'cancelled');
		clock.start();
		id = sample(await language.append(await language.embed([id]), [id]));
	}
}

type Timings = Record<'vision' | 'projector', number>;

/** Visual tokens that positions from `from` on need, by source; undefined when aborted. */
async function* encodeImages(
	{ visual, prompt, signal, recorder }: GenerateInputs,
	from: number,
	timings: Timings
): AsyncGenerator<AnswerEvent, VisualEmbeds | undefined, void> {
	const clock = stopwatch();
	const embeds = new Map<string, Float32Array>();
	let announced = { vision: false, projector: false };
	for (const source of sourcesFrom(prompt.runs, from)) {
		const { image, choice } = source;
		if (signal?.aborted) return undefined;
		const known = !recorder && visual.hasEmbeds(image, choice);
		if (!known && (recorder || !visual.hasFeatures(image))) {
			if (!announced.vision) yield { type: 'stage', stage: 'vision' };
			announced = { ...announced, vision: true };
			clock.start();
			await visual.encode(image, choice, { recorder, signal });
			timings.vision += clock.lap();
			await pause();
			if (signal?.aborted) return undefined;
		}
		if (!known) {
			if (!announced.projector) yield { type: 'stage', stage: 'projector' };
			announced = { ...announced, projector: true };
		}
		clock.start();
		embeds.set(sourceKey(source), await visual.project(image, choice, recorder));
		timings.projector += clock.lap();
		await pause();
	}
	return signal?.aborted ? undefined : embeds;
}

/** Computes the prompt from position `from` on; logits of its last position, or undefined when aborted. */
async function prefill(
	{ language, prompt, hidden, signal, recorder }: GenerateInputs,
	from: number,
	visual: VisualEmbeds
): Promise<Float32Array | undefined> {
	const { ids, keys, runs } = prompt;
	await language.cache.truncate(from);
	recorder?.add('input_ids', idTensor(ids));
	recorder?.add('labels', idTensor(prompt.labels));
	recorder?.add('attention_mask', idTensor(ids.map(() => 1)));
	// A trace has one row per position of the whole prompt, so it is computed in one run.
	const chunk = recorder ? ids.length : PREFILL_CHUNK;
	let logits: Float32Array | undefined;
	for (let start = from; start < ids.length; start += chunk) {
		const end = Math.min(start + chunk, ids.length);
		const embeds = await language.embed(ids.slice(start, end));
		splice(embeds, hidden, start, runs, visual);
		recorder?.add('input_embeds', { dtype: 'float32', dims: [1, end - start, hidden], data: embeds.slice() });
		logits = await language.append(embeds, keys.slice(start, end), recorder);
		await pause();
		if (signal?.aborted) return undefined;
	}
	return logits;
}

/** int64 [1, position] */
export function idTensor(ids: readonly number[]): Tensor<'int64'> {
	return { dtype: 'int64', dims: [1, ids.length], data: BigInt64Array.from(ids, BigInt) };
}

/** The first ids, as many as make only text that is left after a stop string was cut off. */
function idsWithin(text: string, ids: readonly number[], tokenizer: TextTokenizer): number[] {
	const decoder = tokenizer.decoder();
	const beyond = ids.findIndex((id) => !text.startsWith(decoder.push(id)));
	return ids.slice(0, beyond < 0 ? ids.length : beyond);
}

/** Milliseconds since the last `start` or `lap`. */
function stopwatch(): { start(): void; lap(): number } {
	let began = performance.now();
	return {
		start: () => void (began = performance.now()),
		lap: () => {
			const before = began;
			began = performance.now();
			return began - before;
		}
	};
}

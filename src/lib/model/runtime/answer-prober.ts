import type { ModelManifest } from '../manifest.ts';
import {
	ablateVisualTokens,
	differentiateVisualTokens,
	scoreAnswer,
	visualAttention,
	visualLogitLens,
	type AnswerSequence,
	type LanguageRun,
	type ProbeControl
} from '../probes/language.ts';
import { InputError } from '../../tensor/errors.ts';
import type { TextTokenizer } from '../text/text-tokenizer.ts';
import type { PositionKey } from './kv-cache.ts';
import type { LanguageModel } from './language.ts';
import { encodeRequest, imagesOf, type EncodedRequest, type PromptRequest } from './prompt.ts';
import type {
	AnswerProbe,
	AnswerScores,
	AnswerTokens,
	Influence,
	InfluenceRequest,
	LensGrid,
	LensRequest
} from './types.ts';
import type { VisualModel } from './visual.ts';
import { meanToken, sourceKey, sourcesFrom, splice } from './visual-rows.ts';

/** Words of each cell of a logit lens unless the request says otherwise. */
const LENS_WORDS = 5;

/**
 * Does something with the model when it is this probe's turn; whatever is more urgent goes first between two steps.
 * @throws the signal's reason when aborted before that
 */
export type Step = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

export interface ProbedModel {
	readonly manifest: ModelManifest;
	readonly tokenizer: TextTokenizer;
	readonly visual: VisualModel;
	readonly language: LanguageModel;
}

/** A sequence that can be run from any of its positions. */
interface Opened {
	readonly sequence: AnswerSequence;
	readonly run: LanguageRun;
}

/**
 * Looks into answers: forced decoding, influence of visual tokens, logit lens. What a probe needs of the conversation's beginning
 * is taken from the language model's cache and left there, so that the conversation goes on without computing it again.
 */
export class AnswerProber {
	readonly #model: ProbedModel;
	readonly #step: Step;

	constructor(model: ProbedModel, step: Step) {
		this.#model = model;
		this.#step = step;
	}

	async score(request: AnswerProbe, { signal }: ProbeControl = {}): Promise<AnswerScores> {
		const answer = this.#answerTokens(request);
		const { run, sequence } = await this.#open(await this.#encode(request, signal), answer.ids, signal);
		return { ...answer, log_probabilities: await scoreAnswer(run, sequence) };
	}

	async influence(request: InfluenceRequest, control: ProbeControl = {}): Promise<Influence> {
		const { method } = request;
		const answer = this.#answerTokens(request);
		const prompt = await this.#encode(request, control.signal);
		requireImage(prompt);
		const { run, sequence } = await this.#open(prompt, answer.ids, control.signal);
		const probes = {
			attention: () => visualAttention(run, sequence, this.#layers),
			ablation: () => ablateVisualTokens(run, sequence, control),
			gradient: () => differentiateVisualTokens(run, sequence, control)
		};
		const values = await probes[method]();
		return { ...answer, method, values };
	}

	async lens(request: LensRequest, control: ProbeControl = {}): Promise<LensGrid> {
		const { tokenizer, language } = this.#model;
		const prompt = await this.#encode(request, control.signal);
		requireImage(prompt);
		const { run, sequence } = await this.#open(prompt, [], control.signal);
		const grid = await visualLogitLens(
			run,
			(hidden) => this.#step(() => language.lens(hidden), control.signal),
			sequence,
			this.#layers,
			request.words ?? LENS_WORDS,
			control
		);
		return grid.map((layer) =>
			layer.map((reading) =>
				reading
					? {
							words: reading.ids.map((id) => (tokenizer.piece(id) ?? `#${id}`).replaceAll('▁', ' ')),
							probabilities: reading.probabilities,
							entropy: reading.entropy
						}
					: { words: [], probabilities: [], entropy: NaN }
			)
		);
	}

	get #layers(): number {
		return this.#model.manifest.config.text_config.num_hidden_layers;
	}

	async #encode(request: PromptRequest, signal?: AbortSignal): Promise<EncodedRequest> {
		const { visual, tokenizer, manifest } = this.#model;
		const images = imagesOf(request);
		if (visual.mustMeasure(images)) await this.#step(() => visual.measure(images), signal);
		return encodeRequest(request, visual, tokenizer, manifest);
	}

	/** Text is encoded as the answer of a conversation is, with the end token. */
	#answerTokens({ answer }: AnswerProbe): AnswerTokens {
		const { tokenizer, manifest } = this.#model;
		const ids = 'ids' in answer ? [...answer.ids] : tokenizer.tokenize(answer.text.trim());
		if (ids.length === 0)
			throw new InputError('The answer to look into is empty; choose one that has words.');
		if (!('ids' in answer)) ids.push(tokenizer.eosId);
		const { vocab_size } = manifest.config.text_config;
		const unknown = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab_size));
		if (unknown !== undefined)
			throw new InputError(
				`The answer has the token id ${unknown}, and the model ${manifest.name} has ids 0 to ${vocab_size - 1}.`
			);
		const decoder = tokenizer.decoder();
		let before = '';
		const pieces = ids.map((id, i) => {
			const text = decoder.push(id);
			const whole = i === ids.length - 1 ? decoder.end() : text;
			const piece = whole.slice(before.length);
			before = whole;
			return piece;
		});
		return { ids, pieces };
	}

	/** Embeds prompt and answer. */
	async #open(
		prompt: EncodedRequest,
		answerIds: readonly number[],
		signal: AbortSignal | undefined
	): Promise<Opened> {
		const step: Step = (work) => this.#step(work, signal);
		const { manifest, visual, language } = this.#model;
		const { hidden_size: hidden, max_position_embeddings: context } = manifest.config.text_config;
		const ids = [...prompt.ids, ...answerIds.slice(0, -1)];
		if (ids.length > context)
			throw new InputError(
				`Prompt and answer take ${ids.length} tokens, more than the model's context of ${context}; choose a shorter answer.`
			);
		const keys: PositionKey[] = [...prompt.keys, ...answerIds.slice(0, -1)];
		const visuals = new Map<string, Float32Array>();
		for (const source of sourcesFrom(prompt.runs, 0)) {
			const { image, choice } = source;
			await step(async () => {
				if (!visual.hasEmbeds(image, choice)) await visual.encode(image, choice);
				visuals.set(sourceKey(source), await visual.project(image, choice));
			});
		}
		const embeds = await step(() => language.embed(ids));
		splice(embeds, hidden, 0, prompt.runs, visuals);
		const last = prompt.runs.at(-1);
		const own = last?.own;
		const mean = own
			? await step(async () => {
					if (!visual.hasEmbeds(own.image, own.choice)) await visual.encode(own.image, own.choice);
					return meanToken(await visual.project(own.image, own.choice), own, hidden);
				})
			: new Float32Array(hidden);
		return {
			sequence: {
				embeds,
				hidden,
				answerStart: prompt.ids.length,
				answerIds,
				visual: (last?.slots ?? []).map((slot) => (slot < 0 ? undefined : last!.positions[slot])),
				mean
			},
			run: (request) =>
				step(async () => {
					const { from } = request;
					// Between two steps an answer may have been given, which changed the cache.
					await language.ensure(embeds, keys.slice(0, from));
					return language.branch(request);
				})
		};
	}
}

function requireImage({ runs }: EncodedRequest): void {
	if (runs.length === 0)
		throw new InputError('The question has no image to look into; choose an answer about an image.');
}

import type { Tensor } from '../../tensor/tensor.ts';

/** One run of the whole language model on sequences of equal length, without a cache. */
export interface ForwardRequest {
	/** [batch, position, hidden] */
	readonly inputs_embeds: Float32Array;
	readonly batch: number;
	/** Positions whose logits are wanted. */
	readonly logit_positions: readonly number[];
	/** Trace outputs wanted, e.g. `lm.layers.0.attention` (taken from the traced graph) or `lm.hidden_states.2`. */
	readonly outputs?: readonly string[];
}

/** Gives `logits` [batch, k, vocab] and the wanted outputs. */
export type LanguageForward = (request: ForwardRequest) => Promise<Readonly<Record<string, Tensor>>>;

/** A prompt with its answer, as the language model sees it. */
export interface ScoredSequence {
	/** [position, hidden] of prompt and answer (the answer's last token is only predicted, so it may be left out). */
	readonly embeds: Float32Array;
	readonly hidden: number;
	/** Where the image's visual tokens lie. */
	readonly visual: { readonly start: number; readonly count: number };
	/** Position of the first answer token. */
	readonly answerStart: number;
	readonly answerIds: readonly number[];
}

export interface ProbeControl {
	readonly signal?: AbortSignal;
	readonly onProgress?: (done: number, total: number) => void;
}

/** Positions that predict the answer's tokens: each token is predicted at the position before it. */
function predictors({ answerStart, answerIds }: ScoredSequence): number[] {
	return answerIds.map((_, i) => answerStart - 1 + i);
}

/** log softmax(logits)[id] in natural units, of one row. */
export function logProbability(logits: Float32Array, id: number): number {
	let most = -Infinity;
	for (const value of logits) if (value > most) most = value;
	let sum = 0;
	for (const value of logits) sum += Math.exp(value - most);
	return logits[id]! - most - Math.log(sum);
}

/** Log-probability of every answer token for every sequence of the batch: float32 [batch, answer]. */
function answerScores(logits: Tensor | undefined, batch: number, ids: readonly number[]): Float32Array {
	if (logits?.dtype !== 'float32') throw new Error('The language model gave no float32 logits.');
	const data = logits.data as Float32Array;
	const vocab = data.length / (batch * ids.length);
	return Float32Array.from({ length: batch * ids.length }, (_, row) =>
		logProbability(data.subarray(row * vocab, (row + 1) * vocab), ids[row % ids.length]!)
	);
}

/** Forced decoding: log-probability (nats) of each answer token given all before it. float32 [answer]. */
export async function scoreAnswer(forward: LanguageForward, sequence: ScoredSequence): Promise<Float32Array> {
	const { logits } = await forward({
		inputs_embeds: sequence.embeds,
		batch: 1,
		logit_positions: predictors(sequence)
	});
	return answerScores(logits, 1, sequence.answerIds);
}

/**
 * Influence of each visual token by ablation: the token is replaced by the mean of the image's visual tokens, and the same
 * answer is scored again.
 *
 * @returns float32 [answer, M]: log-probability with the token minus without it (nats); positive where the token helps
 */
export async function ablateVisualTokens(
	forward: LanguageForward,
	sequence: ScoredSequence,
	{ batch = 8, signal, onProgress }: ProbeControl & { readonly batch?: number } = {}
): Promise<Tensor<'float32'>> {
	const { embeds, hidden, visual, answerIds } = sequence;
	const M = visual.count;
	const A = answerIds.length;
	const whole = await scoreAnswer(forward, sequence);
	const mean = meanRow(embeds, hidden, visual);
	const influence = new Float32Array(A * M);
	for (let start = 0; start < M; start += batch) {
		signal?.throwIfAborted();
		const count = Math.min(batch, M - start);
		const copies = new Float32Array(count * embeds.length);
		for (let i = 0; i < count; i++) {
			copies.set(embeds, i * embeds.length);
			copies.set(mean, i * embeds.length + (visual.start + start + i) * hidden);
		}
		const { logits } = await forward({
			inputs_embeds: copies,
			batch: count,
			logit_positions: predictors(sequence)
		});
		const scores = answerScores(logits, count, answerIds);
		for (let i = 0; i < count; i++)
			for (let a = 0; a < A; a++) influence[a * M + start + i] = whole[a]! - scores[i * A + a]!;
		onProgress?.(start + count, M);
	}
	return { dtype: 'float32', dims: [A, M], data: influence };
}

function meanRow(
	embeds: Float32Array,
	hidden: number,
	{ start, count }: { readonly start: number; readonly count: number }
): Float32Array {
	const mean = new Float32Array(hidden);
	for (let m = 0; m < count; m++)
		for (let h = 0; h < hidden; h++) mean[h]! += embeds[(start + m) * hidden + h]! / count;
	return mean;
}

/**
 * Language attention from the position that predicts each answer token to each visual token.
 *
 * @returns float32 [layer, head, answer, M]; a row's sum is the share of attention that goes to the image
 */
export async function visualAttention(
	forward: LanguageForward,
	sequence: ScoredSequence,
	layers: number
): Promise<Tensor<'float32'>> {
	const { visual } = sequence;
	const rows = predictors(sequence);
	const names = Array.from({ length: layers }, (_, i) => `lm.layers.${i}.attention`);
	const outputs = await forward({
		inputs_embeds: sequence.embeds,
		batch: 1,
		logit_positions: rows.slice(0, 1),
		outputs: names
	});
	const parts = names.map((name) => {
		const attention = outputs[name];
		if (attention?.dtype !== 'float32') throw new Error(`The language model gave no "${name}".`);
		const [, heads = 0, , total = 0] = attention.dims;
		const data = attention.data as Float32Array;
		const positions = data.length / (heads * total);
		const part = new Float32Array(heads * rows.length * visual.count);
		for (let h = 0; h < heads; h++)
			rows.forEach((row, a) => {
				const from = (h * positions + row) * total + visual.start;
				part.set(data.subarray(from, from + visual.count), (h * rows.length + a) * visual.count);
			});
		return { heads, part };
	});
	const heads = parts[0]?.heads ?? 0;
	const data = new Float32Array(parts.reduce((sum, { part }) => sum + part.length, 0));
	parts.forEach(({ part }, layer) => data.set(part, layer * part.length));
	return { dtype: 'float32', dims: [layers, heads, rows.length, visual.count], data };
}

/** The likeliest words at one place, and how sure the model is there. */
export interface LensCell {
	readonly ids: readonly number[];
	readonly probabilities: readonly number[];
	/** Entropy of the whole distribution, in bits. */
	readonly entropy: number;
}

/** Top `k` of softmax(logits) and its entropy. */
export function readLogits(logits: Float32Array, k: number): LensCell {
	let most = -Infinity;
	for (const value of logits) if (value > most) most = value;
	let sum = 0;
	let weighted = 0;
	for (const value of logits) {
		const weight = Math.exp(value - most);
		sum += weight;
		weighted += weight * (value - most);
	}
	const ids: number[] = [];
	for (let rank = 0; rank < Math.min(k, logits.length); rank++) {
		let best = -1;
		for (let id = 0; id < logits.length; id++)
			if ((best < 0 || logits[id]! > logits[best]!) && !ids.includes(id)) best = id;
		ids.push(best);
	}
	return {
		ids,
		probabilities: ids.map((id) => Math.exp(logits[id]! - most) / sum),
		entropy: (Math.log(sum) - weighted / sum) / Math.LN2
	};
}

/** Reads hidden states [1, position, hidden] as logits [1, position, vocab] (the model folder's `lens` graph). */
export type LensRun = (hidden: Float32Array, positions: number) => Promise<Float32Array>;

/**
 * Logit lens on the visual tokens: for every language layer (0 = the embeddings) and visual token, the nearest words.
 * The last layer is left out: its hidden state is normed already and predicts the next token by the usual logits.
 *
 * @returns cells [layer][visual token]
 */
export async function visualLogitLens(
	forward: LanguageForward,
	lens: LensRun,
	sequence: Pick<ScoredSequence, 'embeds' | 'hidden' | 'visual'>,
	layers: number,
	{ k = 5, signal, onProgress }: ProbeControl & { readonly k?: number } = {}
): Promise<LensCell[][]> {
	const { embeds, hidden, visual } = sequence;
	const names = Array.from({ length: layers }, (_, i) => `lm.hidden_states.${i}`);
	const outputs = await forward({ inputs_embeds: embeds, batch: 1, logit_positions: [0], outputs: names });
	const grid: LensCell[][] = [];
	for (const [layer, name] of names.entries()) {
		signal?.throwIfAborted();
		const states = outputs[name];
		if (states?.dtype !== 'float32') throw new Error(`The language model gave no "${name}".`);
		const rows = (states.data as Float32Array).slice(
			visual.start * hidden,
			(visual.start + visual.count) * hidden
		);
		const logits = await lens(rows, visual.count);
		const vocab = logits.length / visual.count;
		grid.push(
			Array.from({ length: visual.count }, (_, m) =>
				readLogits(logits.subarray(m * vocab, (m + 1) * vocab), k)
			)
		);
		onProgress?.(layer + 1, layers);
	}
	return grid;
}

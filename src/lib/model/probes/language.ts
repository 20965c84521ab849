import { LogitLens, type LensReading } from '../../analysis/logit-lens.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** A prompt with its answer, as the language model sees it. A answer tokens, M visual tokens of the image in question. */
export interface AnswerSequence {
	/** [position, hidden] of prompt and answer, without the answer's last token, which is only predicted. */
	readonly embeds: Float32Array;
	readonly hidden: number;
	/** Position of the first answer token. */
	readonly answerStart: number;
	/** [A] */
	readonly answerIds: readonly number[];
	/** Position of each of the M visual tokens; undefined where it was deleted. */
	readonly visual: readonly (number | undefined)[];
	/** [hidden], what ablation puts in a visual token's place. */
	readonly mean: Float32Array;
}

/** A run of the language model that begins within a sequence. */
export interface RunRequest {
	/** The sequence's own positions before this one come first; they are computed once and kept. */
	readonly from: number;
	/** [position, hidden] from there on. */
	readonly embeds: Float32Array;
	/** Rows of `embeds` whose logits are wanted. */
	readonly logitPositions: readonly number[];
	/** Outputs wanted beside `logits` [1, k, vocab], e.g. `lm.hidden_states.2`. */
	readonly outputs?: readonly string[];
	/** Asks for `lm.layers.i.attention` [1, head, k, c]: shares that the k rows give to the c positions `to`. */
	readonly attention?: { readonly layers: readonly number[]; readonly to: readonly number[] };
}

export type LanguageRun = (request: RunRequest) => Promise<Readonly<Record<string, Tensor>>>;

export interface ProbeControl {
	readonly signal?: AbortSignal;
	readonly onProgress?: (done: number, total: number) => void;
	/** Awaited between runs, so that an abort can be heard. */
	readonly pause?: () => Promise<void>;
}

/** log softmax(logits)[id] in natural units, of one row. */
export function logProbability(logits: Float32Array, id: number): number {
	let most = -Infinity;
	for (const value of logits) if (value > most) most = value;
	let sum = 0;
	for (const value of logits) sum += Math.exp(value - most);
	return logits[id]! - most - Math.log(sum);
}

/** Forced decoding: log-probability (nats) of each answer token given all before it. float32 [A]. */
export function scoreAnswer(run: LanguageRun, sequence: AnswerSequence): Promise<Float32Array> {
	return scoreFrom(run, sequence, sequence.answerStart - 1);
}

/** Runs from a position on, with another embedding there if one is given, and scores the answer. */
async function scoreFrom(
	run: LanguageRun,
	{ embeds, hidden, answerStart, answerIds }: AnswerSequence,
	from: number,
	instead?: Float32Array
): Promise<Float32Array> {
	const rest = embeds.slice(from * hidden);
	if (instead) rest.set(instead);
	const { logits } = await run({
		from,
		embeds: rest,
		// Each token is predicted at the position before it.
		logitPositions: answerIds.map((_, a) => answerStart - 1 + a - from)
	});
	const data = floats(logits, 'logits');
	const vocab = data.length / answerIds.length;
	return Float32Array.from(answerIds, (id, a) =>
		logProbability(data.subarray(a * vocab, (a + 1) * vocab), id)
	);
}

/**
 * Influence of each visual token by ablation: the token is replaced by the mean of the image's visual tokens, and the same
 * answer is scored again. What comes before the token is the same for every answer and is not computed again.
 *
 * @returns float32 [A, M]: log-probability with the token minus without it (nats); positive where the token helps
 */
export async function ablateVisualTokens(
	run: LanguageRun,
	sequence: AnswerSequence,
	control: ProbeControl = {}
): Promise<Tensor<'float32'>> {
	const whole = await scoreAnswer(run, sequence);
	return eachVisualToken(sequence, control, async (position) => {
		const scores = await scoreFrom(run, sequence, position, sequence.mean);
		return whole.map((score, a) => score - scores[a]!);
	});
}

/** Part of the way between a visual token and the mean that `differentiateVisualTokens` steps to either side. */
export const GRADIENT_STEP = 0.1;

/**
 * Influence of each visual token by the gradient: g · (token − mean), g the gradient of the log-probability at the token, which is the first
 * order of what `ablateVisualTokens` measures ("gradient × input" with the mean as baseline). By central differences along that line: the token
 * is moved by `GRADIENT_STEP` of the way away from the mean and towards it, all other tokens stay.
 *
 * @returns float32 [A, M]: nats per whole way; positive where more of the token makes the answer's token likelier
 */
export async function differentiateVisualTokens(
	run: LanguageRun,
	sequence: AnswerSequence,
	control: ProbeControl = {}
): Promise<Tensor<'float32'>> {
	const { embeds, hidden, mean } = sequence;
	return eachVisualToken(sequence, control, async (position) => {
		const token = embeds.subarray(position * hidden, (position + 1) * hidden);
		const at = (step: number) =>
			scoreFrom(
				run,
				sequence,
				position,
				token.map((value, i) => value + step * (value - mean[i]!))
			);
		const away = await at(GRADIENT_STEP);
		const towards = await at(-GRADIENT_STEP);
		return away.map((score, a) => (score - towards[a]!) / (2 * GRADIENT_STEP));
	});
}

/** [A, M] of what `measure` gives for each visual token, [A]; 0 for deleted ones. */
async function eachVisualToken(
	{ visual, answerIds }: AnswerSequence,
	{ signal, onProgress, pause }: ProbeControl,
	measure: (position: number) => Promise<Float32Array>
): Promise<Tensor<'float32'>> {
	const M = visual.length;
	const A = answerIds.length;
	const influence = new Float32Array(A * M);
	for (const [m, position] of visual.entries()) {
		await pause?.();
		signal?.throwIfAborted();
		if (position !== undefined) {
			const values = await measure(position);
			for (let a = 0; a < A; a++) influence[a * M + m] = values[a]!;
		}
		onProgress?.(m + 1, M);
	}
	return { dtype: 'float32', dims: [A, M], data: influence };
}

/**
 * Language attention from the position that predicts each answer token to each visual token.
 *
 * @returns float32 [layer, head, A, M]; a row's sum is the share of attention that goes to the image
 */
export async function visualAttention(
	run: LanguageRun,
	{ embeds, hidden, answerStart, answerIds, visual }: AnswerSequence,
	layers: number
): Promise<Tensor<'float32'>> {
	const from = answerStart - 1;
	const M = visual.length;
	const A = answerIds.length;
	const to = visual.filter((position) => position !== undefined);
	const outputs = await run({
		from,
		embeds: embeds.slice(from * hidden),
		logitPositions: answerIds.map((_, a) => a),
		attention: { layers: Array.from({ length: layers }, (_, i) => i), to }
	});
	const shares = Array.from({ length: layers }, (_, i) => outputs[`lm.layers.${i}.attention`]);
	const heads = shares[0]?.dims[1] ?? 0;
	const data = new Float32Array(layers * heads * A * M);
	shares.forEach((tensor, layer) => {
		const attention = floats(tensor, `lm.layers.${layer}.attention`);
		for (let row = 0; row < heads * A; row++) {
			let column = 0;
			visual.forEach((position, m) => {
				if (position !== undefined)
					data[(layer * heads * A + row) * M + m] = attention[row * to.length + column++]!;
			});
		}
	});
	return { dtype: 'float32', dims: [layers, heads, A, M], data };
}

/** Reads hidden states [position, hidden] as logits [position, vocab]: final norm and output matrix. */
export type LensRun = (hidden: Float32Array) => Promise<Float32Array>;

/**
 * Logit lens on the visual tokens: for every language layer (0 = the embeddings) and visual token, the nearest words. The last
 * hidden state is normed already; it is read as the model itself reads it.
 *
 * @param k words kept
 * @returns readings [layer 0 … layers][M]; undefined for deleted tokens
 */
export async function visualLogitLens(
	run: LanguageRun,
	lens: LensRun,
	{ embeds, hidden, visual }: Pick<AnswerSequence, 'embeds' | 'hidden' | 'visual'>,
	layers: number,
	k: number,
	{ signal, onProgress, pause }: ProbeControl = {}
): Promise<(LensReading | undefined)[][]> {
	const positions = visual.filter((position) => position !== undefined);
	const rowOf = new Map(positions.map((position, row) => [position, row]));
	const inPlace = (readings: readonly LensReading[]) =>
		visual.map((position) => (position === undefined ? undefined : readings[rowOf.get(position)!]));
	if (positions.length === 0) return Array.from({ length: layers + 1 }, () => inPlace([]));
	const from = Math.min(...positions);
	const end = Math.max(...positions) + 1;
	const names = Array.from({ length: layers }, (_, i) => `lm.hidden_states.${i}`);
	const outputs = await run({
		from,
		embeds: embeds.slice(from * hidden, end * hidden),
		logitPositions: positions.map((position) => position - from),
		outputs: names
	});
	const grid: (LensReading | undefined)[][] = [];
	for (const name of [...names, undefined]) {
		await pause?.();
		signal?.throwIfAborted();
		let logits: Float32Array;
		if (name === undefined) logits = floats(outputs.logits, 'logits');
		else {
			const states = floats(outputs[name], name);
			const rows = new Float32Array(positions.length * hidden);
			positions.forEach((position, row) =>
				rows.set(states.subarray((position - from) * hidden, (position - from + 1) * hidden), row * hidden)
			);
			logits = await lens(rows);
		}
		const reader = new LogitLens(positions.length, k);
		reader.add(logits, 0);
		grid.push(inPlace(reader.read()));
		onProgress?.(grid.length, layers + 1);
	}
	return grid;
}

function floats(tensor: Tensor | undefined, name: string): Float32Array {
	if (tensor?.dtype !== 'float32') throw new Error(`The language model gave no float32 "${name}".`);
	return tensor.data as Float32Array;
}

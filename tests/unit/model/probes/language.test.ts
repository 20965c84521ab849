import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TraceRecorder } from '../../../../src/lib/model/runtime/trace-recorder.ts';
import type { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import type {
	AnswerProbe,
	AnswerRequest,
	AnswerResult,
	TokenEdit,
	Trace
} from '../../../../src/lib/model/runtime/types.ts';
import { greedy } from '../../../../src/lib/model/runtime/sampling.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { embeddedModel, openNodeModel, scene } from '../../../support/embedded.ts';

const { image, questions } = scene(3);
const other = scene(4).image;
const question = questions.find(({ task }) => task === 'caption')!.question;

let model: HoneybeeModel;
/** Vocabulary, layers, heads and width of the language model. */
let V: number, L: number, H: number, O: number;
beforeAll(async () => {
	model = await openNodeModel(embeddedModel);
	({
		vocab_size: V,
		num_hidden_layers: L,
		num_attention_heads: H,
		hidden_size: O
	} = model.manifest.config.text_config);
}, 60_000);
afterAll(() => model.dispose());

type Changes = Partial<Omit<AnswerRequest, 'sampling'>>;

const asked = (changes: Changes = {}) => ({
	projector: 'c-abs',
	tokens: 9,
	turns: [{ question, images: [image] }],
	...changes
});

async function ask(changes: Changes = {}, recorder?: TraceRecorder): Promise<AnswerResult> {
	const events = model.answer(
		{ ...asked(changes), sampling: { ...greedy, max_new_tokens: 24 } },
		{ ...(recorder && { recorder }) }
	);
	for await (const event of events) if (event.type === 'done') return event.result;
	throw new Error('no result');
}

/**
 * The model's plain answering path, all at once and without a cache, over a prompt that holds the answer: logits of every position
 * of prompt and answer.
 */
async function plainly(
	ids: readonly number[],
	changes: Changes = {}
): Promise<{ trace: Trace; start: number }> {
	const { turns, ...rest } = asked(changes);
	const recorder = new TraceRecorder(['logits', 'input_ids', 'labels', 'lm.']);
	const events = model.answer(
		{
			...rest,
			turns: [
				{ ...turns[0]!, answer: 'given', answer_ids: ids },
				{ question: 'And?', images: [] }
			],
			sampling: { ...greedy, max_new_tokens: 1 }
		},
		{ recorder }
	);
	for await (const event of events) if (event.type === 'done') break;
	const labels = recorder.trace.labels!.data as BigInt64Array;
	return { trace: recorder.trace, start: labels.findIndex((label) => label >= 0n) };
}

function logSoftmax(logits: Float32Array): number[] {
	const most = Math.max(...logits);
	const sum = logits.reduce((total, value) => total + Math.exp(value - most), 0);
	return Array.from(logits, (value) => value - most - Math.log(sum));
}

/** Log-probabilities of the answer, from the logits of the plain path. */
async function plainScores(ids: readonly number[], changes: Changes = {}): Promise<number[]> {
	const { trace, start } = await plainly(ids, changes);
	const logits = trace.logits!.data as Float32Array;
	return ids.map((id, a) => logSoftmax(logits.subarray((start + a - 1) * V, (start + a) * V))[id]!);
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 2e-4): void {
	expect(actual.length).toBe(expected.length);
	for (let i = 0; i < expected.length; i++)
		expect(Math.abs(actual[i]! - expected[i]!), `value ${i}: ${actual[i]} for ${expected[i]}`).toBeLessThan(
			tolerance
		);
}

const probe = (ids: readonly number[], changes: Changes = {}): AnswerProbe => ({
	...asked(changes),
	answer: { ids }
});

describe('forced decoding', () => {
	it('finds every token of a greedy answer the likeliest', async () => {
		const { ids, text } = await ask();
		expect(ids.length).toBeGreaterThan(5);
		const { log_probabilities, pieces } = await model.score(probe(ids));
		expect(pieces.join('')).toBe(text);
		const { trace, start } = await plainly(ids);
		const logits = trace.logits!.data as Float32Array;
		ids.forEach((_, a) => {
			const row = logSoftmax(logits.subarray((start + a - 1) * V, (start + a) * V));
			expect(log_probabilities[a]!).toBeCloseTo(Math.max(...row), 4);
		});
	});

	it('scores an answer from elsewhere as the answer of a conversation, with its end', async () => {
		const { ids, log_probabilities } = await model.score({ ...asked(), answer: { text: 'a red apple' } });
		expect(ids.at(-1)).toBe(2);
		expectClose(log_probabilities, await plainScores(ids));
	});

	it('gives the same with and without a cached beginning', async () => {
		const { ids } = await ask();
		const cached = await model.score(probe(ids));
		await ask({ turns: [{ question: 'Is there a dog?', images: [other] }] });
		expectClose((await model.score(probe(ids))).log_probabilities, cached.log_probabilities, 1e-5);
	});

	it('refuses an answer that is empty or not of this vocabulary', async () => {
		await expect(model.score(probe([]))).rejects.toThrow(InputError);
		await expect(model.score({ ...asked(), answer: { text: ' ' } })).rejects.toThrow('empty');
		await expect(model.score(probe([5, V]))).rejects.toThrow(`token id ${V}`);
		await expect(model.score(probe(new Array<number>(1100).fill(5)))).rejects.toThrow('context of 1024');
	});
});

describe('edits of visual tokens', () => {
	const from = { projector: 'd-abs', image: other };
	const edits: Record<string, readonly TokenEdit[]> = {
		delete: [{ kind: 'delete', tokens: [0, 4, 5] }],
		mean: [{ kind: 'mean', tokens: [2, 7] }],
		swap: [{ kind: 'swap', pairs: [[0, 8]] }],
		transplant: [{ kind: 'transplant', tokens: [0, 1, 4], source: [30, 2, 11], from }],
		several: [
			{ kind: 'swap', pairs: [[1, 2]] },
			{ kind: 'delete', tokens: [3] },
			{ kind: 'mean', tokens: [1] }
		]
	};

	it.each(Object.keys(edits))('%s: answers and scores agree with a run without any cache', async (name) => {
		const changes = { edits: edits[name]! };
		const { ids } = await ask();
		const scores = await model.score(probe(ids, changes));
		expectClose(scores.log_probabilities, await plainScores(ids, changes));
		expect(
			Math.max(...scores.log_probabilities.map((value, a) => Math.abs(value - plain[a]!)))
		).toBeGreaterThan(1e-3);
		const answer = await ask(changes);
		expect(answer.ids).toEqual((await ask(changes, new TraceRecorder(['input_ids']))).ids);
		const deleted = edits[name]!.flatMap((edit) => (edit.kind === 'delete' ? edit.tokens : []));
		expect(answer.prompt_ids.filter((id) => id === -1)).toHaveLength(9 - deleted.length);
	});
	let plain: Float32Array;
	beforeAll(async () => {
		plain = (await model.score(probe((await ask()).ids))).log_probabilities;
	});

	it('put the vectors in their places', async () => {
		const rows = async (changes: Changes, names = ['input_embeds', 'input_ids']) => {
			const recorder = new TraceRecorder(names);
			await ask(changes, recorder);
			const ids = recorder.trace.input_ids!.data as BigInt64Array;
			const embeds = recorder.trace.input_embeds!.data as Float32Array;
			return [...ids.keys()].filter((i) => ids[i] === -1n).map((i) => embeds.slice(i * O, (i + 1) * O));
		};
		const own = await rows({});
		const mean = own[0]!.map((_, h) => own.reduce((sum, row) => sum + row[h]! / 9, 0));
		const transplanted = await rows({ edits: edits.transplant! });
		const theirs = await rows({ projector: 'd-abs', tokens: 36, turns: [{ question, images: [other] }] });
		expect(transplanted).toEqual([
			...[theirs[30], theirs[2], own[2], own[3], theirs[11], own[5], own[6], own[7], own[8]]
		]);
		const meaned = await rows({ edits: edits.mean! });
		expectClose(meaned[2]!, mean, 1e-5);
		expect(meaned[3]).toEqual(own[3]);
		expect(await rows({ edits: edits.delete! })).toEqual([1, 2, 3, 6, 7, 8].map((m) => own[m]));
		expect(await rows({ edits: edits.swap! })).toEqual([8, 1, 2, 3, 4, 5, 6, 7, 0].map((m) => own[m]));
	});

	it.each<[string, readonly TokenEdit[]]>([
		['swapping twice', [edits.swap![0]!, edits.swap![0]!]],
		[
			'transplanting from itself',
			[
				{
					kind: 'transplant',
					tokens: [1, 8],
					source: [1, 8],
					from: { projector: 'c-abs', tokens: 9, image }
				}
			]
		],
		['deleting none', [{ kind: 'delete', tokens: [] }]]
	])('%s changes nothing, and takes the whole prompt from the cache', async (_, same) => {
		const before = await ask();
		const after = await ask({ edits: same });
		expect(after.ids).toEqual(before.ids);
		expect(after.cached_positions).toBe(before.prompt_ids.length - 1);
	});

	it('reuse the prompt up to the first changed token, and no further', async () => {
		const before = await ask();
		const start = before.prompt_ids.indexOf(-1);
		expect((await ask({ edits: [{ kind: 'mean', tokens: [5] }] })).cached_positions).toBe(start + 5);
		expect((await ask()).cached_positions).toBe(start + 5);
	});

	it('need an image and tokens that are there', async () => {
		await expect(ask({ edits: [{ kind: 'mean', tokens: [9] }] })).rejects.toThrow('tokens 0 to 8');
		await expect(
			ask({ turns: [{ question, images: [] }], edits: [{ kind: 'mean', tokens: [0] }] })
		).rejects.toThrow('no image');
		await expect(
			ask({
				edits: [{ kind: 'transplant', tokens: [0], source: [0], from: { projector: 'none', image } }]
			})
		).rejects.toThrow('no projector "none"');
	});
});

describe('influence', () => {
	it('by ablation is the change against a run with the mean in the place of the token', async () => {
		const { ids } = await ask();
		const progress: number[] = [];
		const { values, ids: same } = await model.influence(
			{ ...probe(ids), method: 'ablation' },
			{ onProgress: ({ done, total }) => void progress.push(done / total) }
		);
		expect(same).toEqual(ids);
		expect(values.dims).toEqual([ids.length, 9]);
		expect(progress).toHaveLength(9);
		expect(progress.at(-1)).toBe(1);
		const whole = await plainScores(ids);
		for (let m = 0; m < 9; m++) {
			const without = await plainScores(ids, { edits: [{ kind: 'mean', tokens: [m] }] });
			expectClose(
				ids.map((_, a) => values.data[a * 9 + m]!),
				whole.map((value, a) => value - without[a]!)
			);
		}
	});

	it('by ablation is nothing for a deleted token, and goes on after other edits', async () => {
		const edits: TokenEdit[] = [{ kind: 'delete', tokens: [2] }];
		const { ids } = await ask();
		const { values } = await model.influence({ ...probe(ids, { edits }), method: 'ablation' });
		expect(ids.map((_, a) => values.data[a * 9 + 2]!)).toEqual(ids.map(() => 0));
		const whole = await plainScores(ids, { edits });
		const without = await plainScores(ids, { edits: [...edits, { kind: 'mean', tokens: [6] }] });
		expectClose(
			ids.map((_, a) => values.data[a * 9 + 6]!),
			whole.map((value, a) => value - without[a]!)
		);
	});

	it('by gradient is the slope of the log-probability along the line from the mean', async () => {
		const { ids } = await ask();
		const { values } = await model.influence({ ...probe(ids), method: 'gradient' });
		expect(values.dims).toEqual([ids.length, 9]);
		const ablated = await model.influence({ ...probe(ids), method: 'ablation' });
		// First order of the same change: of one sign where there is much of it, and never the same.
		const large = [...ablated.values.data.keys()].filter((i) => Math.abs(ablated.values.data[i]!) > 0.3);
		expect(large.length).toBeGreaterThan(2);
		const agree = large.filter((i) => values.data[i]! * ablated.values.data[i]! > 0);
		expect(agree.length / large.length).toBeGreaterThan(0.6);
		expect(values.data).not.toEqual(ablated.values.data);
	});

	it('by attention has rows that sum to at most one, and not to nothing', async () => {
		const { ids } = await ask();
		const { values } = await model.influence({ ...probe(ids), method: 'attention' });
		expect(values.dims).toEqual([L, H, ids.length, 9]);
		let most = 0;
		for (let row = 0; row < values.data.length; row += 9) {
			const sum = values.data.subarray(row, row + 9).reduce((a, b) => a + b, 0);
			expect(sum).toBeLessThanOrEqual(1 + 1e-5);
			expect(Math.min(...values.data.subarray(row, row + 9))).toBeGreaterThanOrEqual(0);
			most = Math.max(most, sum);
		}
		expect(most).toBeGreaterThan(0.1);
	});

	it('can be cancelled between two tokens, and lets an answer go first', async () => {
		const { ids } = await ask();
		const order: string[] = [];
		const abort = new AbortController();
		let answer: Promise<unknown> | undefined;
		const cancelled = model.influence(
			{ ...probe(ids), method: 'ablation' },
			{
				signal: abort.signal,
				onProgress: ({ done }) => {
					order.push(`token ${done}`);
					answer ??= ask({ turns: [{ question: 'Is there a dog?', images: [other] }] }).then(() =>
						order.push('answer')
					);
					if (done === 4) abort.abort();
				}
			}
		);
		await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
		await answer;
		expect(order).toEqual(['token 1', 'answer', 'token 2', 'token 3', 'token 4']);
	});

	it('needs an image', async () => {
		const turns = [{ question, images: [] }];
		await expect(model.influence({ ...probe([5], { turns }), method: 'ablation' })).rejects.toThrow(
			InputError
		);
		await expect(model.lens(asked({ turns }))).rejects.toThrow(InputError);
	});
});

describe('logit lens', () => {
	it('reads the last layer as the model does, and the layers before with its norm and output matrix', async () => {
		const { ids } = await ask();
		const grid = await model.lens({ ...asked(), words: 3 });
		expect(grid).toHaveLength(L + 1);
		const { trace } = await plainly(ids);
		const first = (trace.input_ids!.data as BigInt64Array).indexOf(-1n);
		const logits = trace.logits!.data as Float32Array;
		grid[L]!.forEach(({ words, probabilities, entropy }, m) => {
			const row = logSoftmax(logits.subarray((first + m) * V, (first + m + 1) * V)).map(Math.exp);
			expect(words).toHaveLength(3);
			expectClose(probabilities, row.toSorted((a, b) => b - a).slice(0, 3), 1e-4);
			expect(entropy).toBeCloseTo(-row.reduce((sum, p) => sum + (p > 0 ? p * Math.log2(p) : 0), 0), 3);
		});
		for (const layer of grid)
			for (const { entropy } of layer) {
				expect(entropy).toBeGreaterThanOrEqual(0);
				expect(entropy).toBeLessThanOrEqual(Math.log2(V));
			}
	});

	it('has no reading for deleted tokens', async () => {
		const grid = await model.lens(asked({ edits: [{ kind: 'delete', tokens: [0, 4] }] }));
		expect(grid[1]!.map(({ words }) => words.length)).toEqual([0, 5, 5, 5, 0, 5, 5, 5, 5]);
	});
});

import { describe, expect, it } from 'vitest';
import { languageWeights, visionWeights } from '../../../src/lib/benchmarks/cost.ts';
import { standardChoices, choices as settings } from '../../../src/lib/study/choices.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import { growthRows, growthStudy, measureGrowth, wholeGrowth } from '../../../src/lib/study/growth.ts';
import { subjectIn } from '../../../src/lib/study/subject.ts';
import { growth } from '../../../src/lib/viz/growth.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';
import { model as small } from '../../support/study-work.ts';
import { kinds, manifest } from '../../support/scored-runs.ts';

const image = { id: 'i', name: 'i.png', bytes: new Uint8Array([1]), url: 'blob:i' };
const subject = subjectIn({ manifest, backend: small.backend }, image, 'c-abs')!;
const rates = { bytes_per_second: 10e9, operations_per_second: 50e9 };
const { vision_config, text_config } = manifest.config;

/** Answers whose prompt has M positions, eight and one for each word, in times that tell M and prompt. */
function model(asked: string[] = []) {
	return new FakeAnswerer(
		({ tokens, turns }) => {
			const { question } = turns[0]!;
			asked.push(question);
			const positions = (tokens ?? 36) + 8 + question.split(' ').length;
			const timings_ms = { vision: 4, projector: (tokens ?? 36) / 10, prefill: positions, decode: 30 };
			const ids = Array.from({ length: 16 }, () => 1);
			const result = answerResult('x', {
				ids,
				timings_ms,
				prompt_ids: Array.from({ length: positions }, () => 1)
			});
			return [{ type: 'done', result }];
		},
		{ limits: async () => rates }
	);
}

const made = async (choices: Partial<typeof standardChoices> = {}) =>
	makeItem(growthStudy, { answerer: model(), subject }, { ...standardChoices, ...choices });

/** Bytes of the weights of a graph. */
const stored = (paths: readonly string[]) =>
	manifest.files.reduce((sum, { path, size }) => sum + (paths.includes(path) ? size : 0), 0);
const language = stored(manifest.graphs.language.flatMap(({ weights }) => weights));

describe('how latency grows', () => {
	it('is measured at several M, and after prompts of twice, four, … times the positions up to the context', async () => {
		const asked: string[] = [];
		const measured = await measureGrowth(model(asked), subject, 'Describe the image.', wholeGrowth);
		const { byTokens, byPositions } = measured;
		expect(byTokens.map(({ tokens }) => tokens)).toContain(36);
		expect(byTokens.length).toBeLessThanOrEqual(6);
		expect(byTokens.map(({ ms, positions }) => ms.prefill[0] === positions)).not.toContain(false);
		const lengths = byPositions.map(({ positions }) => positions);
		// 36 visual tokens, 8 around, 3 of the question; a repetition adds three.
		expect(lengths[0]).toBe(47);
		for (const [i, length] of lengths.slice(1).entries()) {
			expect(length).toBeLessThanOrEqual(47 * 2 ** (i + 1));
			expect(length).toBeGreaterThan(47 * 2 ** (i + 1) - 3);
		}
		const most = text_config.max_position_embeddings - 16;
		expect(lengths.at(-1)).toBeLessThanOrEqual(most);
		expect(2 * 47 * 2 ** (lengths.length - 1)).toBeGreaterThan(most);
	});

	it('asks for no M where the picture decides it', async () => {
		const entry = { ...manifest.projectors['c-abs']!, tokens_by: 'picture' as const };
		const decided = { ...subject, entry, tokens: 30, request: { projector: 'c-abs', image: subject.image } };
		const requests: (number | undefined)[] = [];
		const answerer = model();
		const events = answerer.events;
		answerer.events = (request, control) => {
			requests.push(request.tokens);
			return events(request, control);
		};
		const { byTokens } = await measureGrowth(answerer, decided, 'Describe the image.', wholeGrowth);
		expect(byTokens.map(({ tokens }) => tokens)).toEqual([30]);
		expect(new Set(requests)).toEqual(new Set([undefined]));
	});

	it('stands beside bytes over bandwidth, and operations over those a second', async () => {
		const { rows } = await made({ stage: 'decode_per_token', along: 'positions' });
		const [memory, arithmetic] = rows.limits;
		expect(rows.measured.map(({ median }) => median)).toEqual(rows.measured.map(() => 2));
		const { hidden_size: H, intermediate_size: I, num_hidden_layers: L, vocab_size: V } = text_config;
		const kv = text_config.num_key_value_heads * text_config.head_dim;
		const queries = text_config.num_attention_heads * text_config.head_dim;
		for (const [i, { x }] of rows.measured.entries()) {
			// Weights as they are stored, and float32 keys and values of all positions.
			expect(memory!.points[i]!.milliseconds).toBeCloseTo((language + 2 * L * kv * 4 * x) / 10e6, 9);
			const products = L * (2 * H * queries + 2 * H * kv + 3 * H * I) + H * V;
			const operations = 2 * products + L * 4 * (x + 1) * queries;
			expect(arithmetic!.points[i]!.milliseconds).toBeCloseTo(operations / 50e6, 9);
		}
	});

	it('is drawn in proportion where nothing else can be measured: layers and width', async () => {
		for (const [stage, along, own] of [
			['prefill', 'layers', text_config.num_hidden_layers],
			['prefill', 'width', text_config.hidden_size],
			['vision', 'layers', vision_config.num_hidden_layers],
			['vision', 'width', vision_config.hidden_size]
		] as const) {
			const { rows } = await made({ stage, along });
			expect(rows.measured.map(({ x }) => x)).toEqual([own]);
			expect(rows.projected.length).toBeGreaterThan(4);
			const at = (x: number) => rows.projected.find((point) => point.x === x)!.milliseconds;
			expect(at(own)).toBeCloseTo(rows.measured[0]!.median, 9);
			const bound = (x: number) =>
				Math.max(...rows.limits.map(({ points }) => points.find((point) => point.x === x)!.milliseconds));
			expect(at(2 * own) / at(own)).toBeCloseTo(bound(2 * own) / bound(own), 9);
			expect(at(2 * own)).toBeGreaterThan(at(own));
		}
	});

	it('twice the layers read their weights twice, and twice the width reads four times as much', async () => {
		const memory = async (choices: Partial<typeof standardChoices>, x: number) =>
			(await made(choices)).rows.limits[0]!.points.find((point) => point.x === x)!.milliseconds;
		const layers = { stage: 'vision', along: 'layers' } as const;
		const { num_hidden_layers: L, hidden_size: E, num_channels, patch_size } = vision_config;
		const patches = num_channels * patch_size ** 2 * E;
		const once = await memory(layers, L);
		expect(once).toBeCloseTo(stored(manifest.graphs.vision.weights) / 10e6, 9);
		const all = visionWeights(vision_config);
		expect((await memory(layers, 2 * L)) / once).toBeCloseTo((2 * all - patches) / all, 9);
		const wide = await memory({ stage: 'vision', along: 'width' }, 2 * E);
		expect(wide / once).toBeCloseTo((4 * all - 2 * patches) / all, 9);
		expect(languageWeights({ ...text_config, vocab_size: 0 })).toBe(
			text_config.num_hidden_layers *
				(4 * text_config.hidden_size ** 2 + 3 * text_config.hidden_size * text_config.intermediate_size)
		);
	});

	it('says of each rate whether it was measured or typed, and measures none when both are', async () => {
		const { rows } = await made({ bandwidth: 20 });
		expect(rows.limits.map(({ of, rate, origin }) => [of, rate, origin])).toEqual([
			['memory', 20e9, 'typed'],
			['arithmetic', 50e9, 'measured']
		]);
		const none = new FakeAnswerer(model().events);
		const typed = { ...standardChoices, bandwidth: 20, arithmetic: 100 };
		const { rows: both } = await makeItem(growthStudy, { answerer: none, subject }, typed);
		expect(both.limits.map(({ origin }) => origin)).toEqual(['typed', 'typed']);
		const { rows: slow } = await made({ bandwidth: 10 });
		expect(slow.limits[0]!.points[0]!.milliseconds).toBeCloseTo(
			2 * rows.limits[0]!.points[0]!.milliseconds,
			9
		);
		const words = growth.table(rows).rows.flat();
		expect(words).toEqual(expect.arrayContaining(['measured', 'typed', 'computed from the config']));
		expect(() => settings.bandwidth.read('--bandwidth', '0')).toThrow('a number above 0');
		expect(settings.bandwidth.read('--bandwidth', '12.5')).toBe(12.5);
	});

	it('refuses an axis that the stage does not have', async () => {
		await expect(made({ stage: 'projector', along: 'width' })).rejects.toThrow('choose one of tokens');
		await expect(made({ stage: 'vision', along: 'positions' })).rejects.toThrow('tokens, layers, width');
		const measured = await growthStudy.measure({ answerer: model(), subject }, standardChoices, {});
		const { limits: _, ...without } = measured;
		expect(() => growthRows(without, standardChoices, kinds, 'c-abs')).toThrow('measure again');
	});
});

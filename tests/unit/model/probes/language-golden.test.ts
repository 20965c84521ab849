import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { sha256 } from '../../../../src/cli/io/hash.ts';
import { openFolderSink } from '../../../../src/cli/io/sink.ts';
import { openCheckpoint } from '../../../../src/lib/checkpoint/folder.ts';
import { convert } from '../../../../src/lib/model/convert/convert.ts';
import type { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import { toFloat32 } from '../../../../src/lib/tensor/half.ts';
import type { Tensor } from '../../../../src/lib/tensor/tensor.ts';
import { openNodeModel } from '../../../support/embedded.ts';
import { readGolden, type Golden } from '../../../support/golden.ts';
import { relativeError } from '../../../support/run-graph.ts';

const floats = (tensor: Tensor | undefined) => tensor!.data as Float32Array;

/** Row · matrixᵀ for a matrix [out, in] as PyTorch stores it. */
function project(row: ArrayLike<number>, matrix: Float32Array): number[] {
	const width = row.length;
	return Array.from({ length: matrix.length / width }, (_, o) => {
		let sum = 0;
		for (let i = 0; i < width; i++) sum += row[i]! * matrix[o * width + i]!;
		return sum;
	});
}

function rmsNorm(row: Float32Array, weight: Float32Array): number[] {
	const scale = 1 / Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / row.length + 1e-5);
	return Array.from(row, (x, i) => x * scale * weight[i]!);
}

/** Rotary embedding of one head's vector at a position, halves rotated against each other, base 10000. */
function rotate(vector: readonly number[], position: number): number[] {
	const half = vector.length / 2;
	return vector.map((x, i) => {
		const angle = position * 10000 ** (-(i % half) / half);
		const other = i < half ? -vector[i + half]! : vector[i - half]!;
		return x * Math.cos(angle) + other * Math.sin(angle);
	});
}

function softmax(values: readonly number[]): number[] {
	const most = Math.max(...values);
	const weights = values.map((value) => Math.exp(value - most));
	const sum = weights.reduce((a, b) => a + b, 0);
	return weights.map((weight) => weight / sum);
}

/** Probes against upstream's tensors: logits and hidden states as PyTorch computed them, attention written out from those. */
describe.each(['linear', 'd-abs'])('probes of %s against upstream', (name) => {
	let folder: string;
	let model: HoneybeeModel;
	let golden: Golden;
	let checkpoint: Awaited<ReturnType<typeof openFolder>>;
	let weights: (key: string) => Promise<Float32Array>;
	let probe: {
		projector: string;
		turns: { question: string; images: [{ id: string; name: string; bytes: Uint8Array }] }[];
		raw_prompt: string;
	};
	let first: number;
	let visual: number;
	let M: number;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'honeybee-probes-'));
		const path = `tests/fixtures/golden/${name}`;
		checkpoint = await openFolder(`${path}/last`);
		const sink = await openFolderSink(folder);
		await convert({
			checkpoint,
			sink,
			dtype: 'fp32',
			name,
			resolve: async () => undefined,
			createHash: sha256
		});
		await sink.close();
		model = await openNodeModel(folder);
		const tensors = await openCheckpoint(checkpoint);
		weights = async (key) => toFloat32(await tensors.read(key)).data;
		golden = await readGolden(
			await readFile(`${path}/golden.json`, 'utf8'),
			await readFile(`${path}/golden.safetensors`)
		);
		const { prompt, images, input_ids, generated_ids } = golden.cases.main!;
		const bytes = await readFile(`tests/fixtures/golden/images/${images[0]!}`);
		probe = {
			projector: Object.keys(model.manifest.projectors)[0]!,
			turns: [{ question: 'in the raw prompt', images: [{ id: images[0]!, name: images[0]!, bytes }] }],
			raw_prompt: prompt
		};
		first = generated_ids[0]!;
		visual = input_ids.indexOf(-1);
		M = input_ids.filter((id) => id === -1).length;
	}, 120_000);
	afterAll(async () => {
		await model.dispose();
		await checkpoint.close();
		await rm(folder, { recursive: true });
	});

	it('log-probabilities are those of the greedy logits', async () => {
		const { generated_ids } = golden.cases.main!;
		const { log_probabilities } = await model.score({ ...probe, answer: { ids: generated_ids } });
		const logits = floats(golden.tensors.main!.logits).slice(-512);
		expect(log_probabilities[0]!).toBeCloseTo(Math.log(softmax([...logits])[first]!), 4);
		expect(log_probabilities).toHaveLength(generated_ids.length);
		// A likeliest token is at least as likely as one of all alike.
		for (const value of log_probabilities) expect(value).toBeGreaterThan(-Math.log(512));
	});

	it('attention is softmax(q·k/√d) of upstream’s hidden states', async () => {
		const { values } = await model.influence({ ...probe, answer: { ids: [first] }, method: 'attention' });
		const [layers, heads, answers, tokens] = values.dims as [number, number, number, number];
		expect([answers, tokens]).toEqual([1, M]);
		const width = 96;
		const d = width / heads;
		for (let layer = 0; layer < layers; layer++) {
			const states = floats(golden.tensors.main![`lm.hidden_states.${layer}`]);
			const T = states.length / width;
			const key = `language_model.model.layers.${layer}`;
			const read = (part: string) => weights(`${key}.${part}.weight`);
			const norm = await read('input_layernorm');
			const [wq, wk] = [await read('self_attn.q_proj'), await read('self_attn.k_proj')];
			const rows = Array.from({ length: T }, (_, p) =>
				rmsNorm(states.slice(p * width, (p + 1) * width), norm)
			);
			const keys = rows.map((row) => project(row, wk));
			const query = project(rows[T - 1]!, wq);
			for (let head = 0; head < heads; head++) {
				const part = (vector: readonly number[]) => vector.slice(head * d, (head + 1) * d);
				const q = rotate(part(query), T - 1);
				const attention = softmax(
					keys.map((k, p) => {
						const rotated = rotate(part(k), p);
						return q.reduce((sum, x, i) => sum + x * rotated[i]!, 0) / Math.sqrt(d);
					})
				);
				const from = (layer * heads + head) * M;
				expect(
					relativeError(values.data.subarray(from, from + M), attention.slice(visual, visual + M)),
					`layer ${layer}, head ${head}`
				).toBeLessThan(1e-4);
			}
		}
	});

	it('the lens reads the last layer as upstream’s logits, the embeddings by norm and output matrix', async () => {
		const grid = await model.lens({ ...probe, words: 1 });
		const logits = floats(golden.tensors.main!.logits);
		const embeds = floats(golden.tensors.main!['lm.hidden_states.0']);
		const norm = await weights('language_model.model.norm.weight');
		const head = await weights('language_model.lm_head.weight');
		for (let m = 0; m < M; m++) {
			const at = visual + m;
			const last = softmax([...logits.subarray(at * 512, (at + 1) * 512)]);
			expect(grid.at(-1)![m]!.probabilities[0]).toBeCloseTo(Math.max(...last), 4);
			const zero = softmax(project(rmsNorm(embeds.slice(at * 96, (at + 1) * 96), norm), head));
			expect(grid[0]![m]!.probabilities[0]).toBeCloseTo(Math.max(...zero), 4);
			expect(grid[0]![m]!.entropy).toBeCloseTo(-zero.reduce((sum, p) => sum + p * Math.log2(p), 0), 3);
		}
	});
});

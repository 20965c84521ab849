import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../../src/lib/checkpoint/folder.ts';
import { gridSide } from '../../../../src/lib/model/config.ts';
import { parseConfig } from '../../../../src/lib/model/families/honeybee/parse-config.ts';
import { poolingMatrix } from '../../../../src/lib/model/projectors/pooling.ts';
import { projectorOf } from '../../../../src/lib/model/projectors/registry.ts';
import { StateDict } from '../../../../src/lib/model/state-dict.ts';
import { random, randomCheckpoint, randomTensors, smallConfig } from '../../../support/random-checkpoint.ts';
import { float32, openGraph, relativeError } from '../../../support/run-graph.ts';

/** Rows of a matrix. */
type Rows = readonly (readonly number[])[];
interface Output {
	readonly dims: readonly number[];
	readonly rows: Rows;
}

const [N, E, O] = [16, 32, 64];

/** Runs a projector of E = 32 and O = 64 on random features [1, 16, 32]. */
async function run(projector: Readonly<Record<string, unknown>>) {
	const config = parseConfig(smallConfig({ projector }));
	const tensors = randomTensors(config);
	const state = new StateDict(await openCheckpoint(randomCheckpoint({ projector })));
	const graph = projectorOf(config.projector_config).graph(state, gridSide(config.vision_config));
	const next = random(3);
	const features = Array.from({ length: N }, () => Array.from({ length: E }, next));
	const M = config.projector_config.num_query_tokens;
	const takesPooling = graph.ports().inputs.some(({ name }) => name === 'pooling_matrix');
	const session = await openGraph(graph);
	const outputs = await session.run({
		visual_features: float32([1, N, E], Float32Array.from(features.flat())),
		...(takesPooling && { pooling_matrix: float32([M, N], poolingMatrix(4, Math.sqrt(M))) })
	});
	/** The tensor of a key as rows of its last axis. */
	const weight = (key: string): Rows => {
		const { dims, data } = tensors.get(`abstractor.${key}`)!;
		return rowsOf(data as Float32Array, dims.at(-1)!);
	};
	return {
		features,
		weight,
		names: session.outputNames,
		output(name: string): Output {
			const { dims, data } = outputs[`proj.${name}`]!;
			return { dims, rows: rowsOf(data as Float32Array, dims.at(-1)!) };
		},
		/** x·Wᵀ + b */
		linear(key: string, x: Rows): Rows {
			const [matrix, bias] = [weight(`${key}.weight`), weight(`${key}.bias`)[0]!];
			return x.map((row) => matrix.map((w, o) => w.reduce((sum, v, i) => sum + v * row[i]!, bias[o]!)));
		}
	};
}

function rowsOf(data: Float32Array, width: number): Rows {
	return Array.from({ length: data.length / width }, (_, i) => [
		...data.subarray(i * width, (i + 1) * width)
	]);
}

const plus = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((value, j) => value + b[i]![j]!));

function layerNorm(x: Rows, scale: readonly number[], bias: readonly number[], epsilon: number): Rows {
	return x.map((row) => {
		const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
		const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
		return row.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * scale[i]! + bias[i]!);
	});
}

function expectRows({ dims, rows }: Output, expected: Rows): void {
	expect(dims).toEqual([1, expected.length, expected[0]!.length]);
	expect(relativeError(rows.flat(), expected.flat())).toBeLessThan(1e-5);
}

describe('the trace of a D-Abstractor', () => {
	const options = { projector_type: 'd-abs', num_query_tokens: 4, decoder_layers: 2, decoder_ffn_dim: 40 };

	it('has the projections between other widths, the positions and the rows appended', async () => {
		const config = { ...options, d_model: 48, pos_emb: true, num_eos_tokens: 3 };
		const { features, weight, output, linear } = await run(config);
		const projected = linear('input_proj.0', features);
		expectRows(output('input_proj'), projected);
		const memory = plus(projected, weight('v_pos_emb'));
		expectRows(output('v_pos_emb'), memory);
		expectRows(output('memory'), memory);
		const all = [...output('layer1.out').rows, ...weight('eos_tokens')];
		expectRows(output('eos_tokens'), all);
		expectRows(output('output_proj'), linear('output_proj', all));
		expect(output('output')).toEqual(output('output_proj'));
		expect(output('output').dims).toEqual([1, 7, O]);
	});

	it('names no projection between equal widths, as upstream has none', async () => {
		const within = async (d_model: number) => (await run({ ...options, d_model })).names;
		const [asTower, asLanguage] = [await within(E), await within(O)];
		expect(asTower).toContain('proj.output_proj');
		expect(asTower).not.toContain('proj.input_proj');
		expect(asLanguage).toContain('proj.input_proj');
		expect(asLanguage).not.toContain('proj.output_proj');
		expect(asLanguage.filter((name) => /pos_emb|eos/.test(name))).toEqual([]);
	});
});

const beginnings = [
	{ projector_type: 'mlp', depth: 2, num_query_tokens: N },
	{ projector_type: 'c-abs', depth: 1, hidden_size: 48, num_query_tokens: 4 }
];

it.each(beginnings)(
	'the trace of $projector_type has its norm, positions and appended rows',
	async (options) => {
		const config = { ...options, prenorm: true, pos_emb: true, num_eos_tokens: 2 };
		const { features, weight, output, names } = await run(config);
		const normed = layerNorm(features, weight('prenorm.weight')[0]!, weight('prenorm.bias')[0]!, 1e-6);
		expectRows(output('prenorm'), normed);
		expectRows(output('pos_emb'), plus(normed, weight('pos_emb')));
		const last = names.findLast((name) => /^proj\.(net|readout)\./.test(name))!.slice('proj.'.length);
		const all = [...output(last).rows, ...weight('eos_tokens')];
		expectRows(output('eos_tokens'), all);
		expectRows(output('output'), all);
	}
);

it('the trace of a resampler has its positions and appended rows', async () => {
	const options = { projector_type: 'resampler', num_query_tokens: 5, num_hidden_layers: 1, hidden_size: 48 };
	const config = { ...options, intermediate_size: 56, pos_emb: true, num_eos_tokens: 2 };
	const { features, weight, output, linear } = await run(config);
	const moved = plus(features, weight('pos_emb'));
	expectRows(output('pos_emb'), moved);
	expectRows(output('visual_input_fc'), linear('visual_input_fc', moved));
	expectRows(output('visual_output_fc'), linear('visual_output_fc', output('layer0.out').rows));
	expectRows(output('vit_eos'), [...output('visual_output_fc').rows, ...weight('vit_eos')]);
	expectRows(output('output'), output('vit_eos').rows);
});

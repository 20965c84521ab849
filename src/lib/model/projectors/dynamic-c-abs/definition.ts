import { InputError } from '../../../tensor/errors.ts';
import { tensor } from '../../../tensor/tensor.ts';
import { tokenPatchMap } from '../../../analysis/map.ts';
import { defineProjector, readout } from '../definition.ts';
import { regBlocks, regGates, regStageCost, regSteps, siluReadoutCost } from '../reg-stage.ts';
import { antialiasedCubic } from '../resampling.ts';
import { parseConfig, type DynamicCAbsConfig } from './config.ts';
import { dynamicCAbsGraph } from './graph.ts';

function dynamicCAbsCost(config: DynamicCAbsConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, depth, mlp_depth } = config;
	return (
		regStageCost(N, { from: E, width: D, depth }) +
		regStageCost(M, { from: D * config.merge_size ** 2, width: D, depth }) +
		siluReadoutCost(M, D, O, mlp_depth)
	);
}

const pair = (rows: number, columns: number) =>
	tensor('int64', [2], BigInt64Array.of(BigInt(rows), BigInt(columns)));

export const dynamicCAbs = defineProjector({
	type: 'dynamic-c-abs',
	goldens: [],
	variants: { 'dynamic-c-abs': { title: 'Dynamic C-Abstractor' } },
	rank: 10,
	tokensBy: 'picture',
	places: 'apart',
	parseConfig,
	of: (config) => {
		const [before, after] = [regBlocks(config.depth, 1), regBlocks(config.depth, 2)];
		const { merge_size: s, pos_emb_size } = config;
		const side = Math.sqrt(pos_emb_size);
		return {
			name: 'dynamic-c-abs',
			description: `${config.depth} convolution blocks before blocks of ${s} × ${s} are merged and ${config.depth} after it, width ${config.hidden_size}`,
			cost: (N, M) => dynamicCAbsCost(config, N, M),
			graph: (state) => dynamicCAbsGraph(config, state),
			tokensOf({ rows, columns }) {
				if (rows % s || columns % s)
					throw new InputError(
						`A grid of ${rows} × ${columns} patches cannot be cut into blocks of ${s} × ${s}; convert the checkpoint again.`
					);
				return (rows / s) * (columns / s);
			},
			feeds: (_M, { rows, columns }) => ({
				patch_grid: pair(rows, columns),
				token_grid: pair(rows / s, columns / s),
				...(config.pos_emb && {
					pos_emb_rows: tensor('float32', [rows, side], antialiasedCubic(side, rows)),
					pos_emb_columns: tensor('float32', [columns, side], antialiasedCubic(side, columns))
				})
			}),
			unused: ['eos_tokens'],
			stages: [
				...before.flatMap(regSteps),
				{ output: 'proj.sampler', title: 'merge' },
				...after.flatMap(regSteps),
				readout
			],
			gates: regGates([...before, ...after]),
			bins(M, { rows, columns }) {
				const data = new Float32Array(M * rows * columns);
				for (let token = 0; token < M; token++) {
					const [top, left] = [Math.floor(token / (columns / s)) * s, (token % (columns / s)) * s];
					for (let row = top; row < top + s; row++)
						for (let column = left; column < left + s; column++)
							data[token * rows * columns + row * columns + column] = 1 / s ** 2;
				}
				return tokenPatchMap(M, rows * columns, data);
			}
		};
	}
});

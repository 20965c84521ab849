import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/lib/checkpoint/folder.ts';
import { gridSide } from '../../../src/lib/model/config.ts';
import { languageGraph } from '../../../src/lib/model/language/graph.ts';
import { Module } from '../../../src/lib/model/module.ts';
import { parseConfig } from '../../../src/lib/model/families/honeybee/parse-config.ts';
import { projectorOf } from '../../../src/lib/model/projectors/registry.ts';
import { StateDict } from '../../../src/lib/model/state-dict.ts';
import { visionGraph } from '../../../src/lib/model/vision/graph.ts';
import { Graph } from '../../../src/lib/onnx/graph.ts';
import { Add } from '../../../src/lib/onnx/ops.ts';
import { randomCheckpoint, smallConfig } from '../../support/random-checkpoint.ts';

/** A state dict that has every key. */
class Any extends StateDict {
	override has() {
		return true;
	}
	override expect() {}
}
const anything = new Any({
	entries: new Map(),
	read: async () => {
		throw new Error('no values here');
	}
});

describe('a module', () => {
	const built = (use: (module: Module) => void) => {
		const g = new Graph('test');
		use(new Module(g, anything, { key: 'abstractor', trace: 'proj' }));
		return {
			nodes: g.nodes().map(({ name }) => name),
			weights: g.weights.map(({ name }) => name),
			outputs: g.ports().outputs.map(({ name }) => name)
		};
	};
	const use = (module: Module, name: string) => {
		const weight = module.at('weight').parameter([2]);
		module.trace(name, Add(module.graph, weight, weight), [2]);
	};

	it('descends in node names, keys and trace names at once', () => {
		expect(built((root) => use(root.at('layers.0').at('fc1'), 'out'))).toEqual({
			nodes: ['layers.0/fc1/Add'],
			weights: ['abstractor.layers.0.fc1.weight'],
			outputs: ['proj.layers.0.fc1.out']
		});
	});

	it('takes another name in one of them, or none', () => {
		const names = { scope: 's1', trace: 's1' };
		expect(built((root) => use(root.at('net.0', names).at('b1', { scope: '', trace: '' }), ''))).toEqual({
			nodes: ['s1/Add'],
			weights: ['abstractor.net.0.b1.weight'],
			outputs: ['proj.s1']
		});
	});
});

const projectors: readonly Readonly<Record<string, unknown>>[] = [
	{ projector_type: 'mlp', depth: 2, prenorm: true, num_query_tokens: 16 },
	{ projector_type: 'resampler', num_hidden_layers: 2, num_query_tokens: 5, hidden_size: 48 },
	{ projector_type: 'c-abs', depth: 2, num_query_tokens: 4, hidden_size: 48, prenorm: true },
	{ projector_type: 'd-abs', decoder_layers: 2, num_query_tokens: 4, d_model: 48 }
];

describe.each(projectors)('the graphs of a model with $projector_type', (projector) => {
	it('name every linear layer and norm as the checkpoint does', async () => {
		const config = parseConfig(smallConfig({ projector }));
		const state = new StateDict(await openCheckpoint(randomCheckpoint({ projector })));
		const graphs = [
			visionGraph(config.vision_config, state, [1], 'fp32'),
			projectorOf(config.projector_config).graph(state, gridSide(config.vision_config)),
			languageGraph(config.text_config, state, 'fp32')
		];
		for (const graph of graphs) {
			const layers = graph
				.nodes()
				.flatMap(({ name, inputs }) => inputs.map((input) => ({ name, input })))
				.filter(({ input }) => /\.(weight\.T|bias)$/.test(input));
			expect(layers.length, graph.name).toBeGreaterThan(1);
			for (const { name, input } of layers) {
				const layer = input.replace(/\.(weight\.T|bias)$/, '').split('.');
				const path = name.replaceAll('/', '.').split('.').slice(0, -1);
				// The path of the node ends as the key does, with the layer's index where the key has one.
				expect(path.at(-1), `${name} reads ${input}`).toBe(layer.at(-1));
				const index = (parts: readonly string[]) => parts.filter((part) => /^b?\d+$/.test(part)).at(-1);
				if (path.length > 2) expect(index(path), `${name} reads ${input}`).toBe(index(layer));
			}
		}
	});
});

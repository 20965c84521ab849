import { expect, it } from 'vitest';
import { tokenGradientGraph } from '../../../../src/lib/model/probes/token-gradients.ts';
import { Graph } from '../../../../src/lib/onnx/graph.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { tensor } from '../../../../src/lib/tensor/tensor.ts';
import { writeGraph } from '../../../support/run-graph.ts';

it('a projector with an operator that nobody here writes is refused in a sentence', async () => {
	const g = new Graph('projector');
	const x = g.input('visual_features', 'float32', ['image', 4, 3]);
	g.output('visual_embeds', g.op('Sin', [x]), ['image', 4, 3]);
	const { graph } = await writeGraph(g);
	const feeds = { visual_features: tensor('float32', [1, 4, 3], new Float32Array(12)) };
	const derive = () => tokenGradientGraph(graph, 'visual_embeds', feeds);
	expect(derive).toThrow(InputError);
	expect(derive).toThrow(/cannot be differentiated here: .* Choose perturbation/);
});

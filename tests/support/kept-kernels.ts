import type { Backend, Session } from '../../src/lib/model/runtime/backend.ts';
import { Graph } from '../../src/lib/onnx/graph.ts';
import { Add } from '../../src/lib/onnx/ops.ts';

/**
 * onnxruntime-web forgets what it has compiled for a device with the last session there. While this one is open, models that come after one
 * another on a device share their kernels. Of tiny models: buffers of those that went may be kept with the kernels.
 */
export function keepKernels(backend: Backend): Promise<Session> {
	const g = new Graph('kept-kernels');
	const x = g.input('x', 'float32', ['row']);
	g.output('y', Add(g, x, x), ['row']);
	return backend.openGraph(
		g.serialize(() => {
			throw new Error('There are no weights.');
		})
	);
}

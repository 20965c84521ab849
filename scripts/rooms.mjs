/**
 * Imports go one way: a folder may use the folders named beside it, and itself.
 * bytes ← tensor ← checkpoint, kernels, onnx ← model ← study ← workers, cli, workbench ← routes; tensor ← analysis ← model, study; analysis ← viz ← routes.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const mayImport = {
	bytes: [],
	tensor: ['bytes'],
	checkpoint: ['bytes', 'tensor'],
	onnx: ['bytes', 'tensor'],
	analysis: ['bytes', 'tensor'],
	kernels: ['bytes', 'tensor', 'checkpoint'],
	model: ['bytes', 'tensor', 'checkpoint', 'kernels', 'onnx', 'analysis'],
	scenes: ['bytes'],
	benchmarks: ['bytes', 'tensor', 'checkpoint', 'model', 'analysis', 'scenes'],
	study: ['bytes', 'tensor', 'model', 'analysis', 'scenes', 'benchmarks'],
	viz: ['bytes', 'tensor', 'analysis'],
	notebook: ['bytes', 'tensor', 'analysis', 'viz'],
	browser: ['bytes', 'tensor', 'checkpoint', 'model'],
	workers: ['bytes', 'tensor', 'checkpoint', 'kernels', 'onnx', 'model', 'analysis', 'study', 'browser'],
	workbench: [
		'bytes',
		'tensor',
		'checkpoint',
		'model',
		'analysis',
		'study',
		'viz',
		'benchmarks',
		'notebook',
		'scenes',
		'browser',
		'workers'
	],
	cli: ['bytes', 'tensor', 'checkpoint', 'onnx', 'model', 'analysis', 'study', 'viz', 'benchmarks', 'scenes']
};

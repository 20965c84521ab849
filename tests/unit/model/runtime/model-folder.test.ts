import { sha256 } from '../../../../src/lib/bytes/hash.ts';
import { describe, expect, it, vi } from 'vitest';
import { memoryFolder } from '../../../../src/lib/checkpoint/memory.ts';
import { openModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import type { ModelSource } from '../../../../src/lib/model/runtime/model-source.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';

const bytes = new TextEncoder().encode('weights');
const graph = { graph: 'g.onnx', weights: ['w.safetensors'] };
const file = async (path: string, content = bytes) => ({
	path,
	size: content.length,
	sha256: await sha256(content)
});

const entry = {
	...{ ...graph, type: 'mlp', title: 'MLP', num_query_tokens: 4, num_eos_tokens: 0, feature_layer: 1 },
	...{ token_places: 'patches', flexible: false, trained_tokens: [4] },
	config: { projector_type: 'mlp', num_query_tokens: 4, depth: 2 }
};
const entries = (changes: Record<string, unknown>) => ({ projectors: { mlp: { ...entry, ...changes } } });

async function manifest(changes: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
	return {
		format: 'honeybee-model',
		format_version: 1,
		name: 'tiny',
		dtype: 'fp32',
		kv_dtype: 'float32',
		tokenizer: 'tokenizer.json',
		prompt: { template: 'free-form' },
		image: { size: 28, mean: [0, 0, 0], std: [1, 1, 1] },
		config: {
			text_config: {
				num_hidden_layers: 1,
				num_key_value_heads: 1,
				head_dim: 8,
				hidden_size: 8,
				vocab_size: 16,
				max_position_embeddings: 32,
				bos_token_id: 1,
				eos_token_id: 2
			},
			vision_config: { hidden_size: 8, patch_size: 14, image_size: 28 }
		},
		graphs: {
			...{ vision: graph, embedding: graph, lens: graph, attention: graph, cache: graph },
			language: [{ ...graph, layers: [0, 1] }]
		},
		projectors: {
			mlp: entry
		},
		files: await Promise.all(['g.onnx', 'w.safetensors', 'tokenizer.json'].map((path) => file(path))),
		...changes
	};
}

async function folder(changes?: Record<string, unknown>, files: Record<string, Uint8Array> = {}) {
	return memoryFolder('tiny', {
		'honeybee.json': new TextEncoder().encode(JSON.stringify(await manifest(changes))),
		'g.onnx': bytes,
		'w.safetensors': bytes,
		'tokenizer.json': bytes,
		...files
	});
}

describe('the manifest', () => {
	it('is read', async () => {
		const model = await openModelFolder(await folder());
		expect(model.manifest.name).toBe('tiny');
	});

	it('of version 1 is read as one of version 2, of the first family', async () => {
		const { manifest } = await openModelFolder(await folder());
		expect(manifest).toMatchObject({ format_version: 2, family: 'honeybee', views: 'one' });
		expect(manifest.projectors.mlp).toMatchObject({
			...{ feature_layers: [1], tokens_by: 'fixed', most_tokens: 4 }
		});
		expect(manifest.projectors.mlp).not.toHaveProperty('flexible');
	});

	it('of version 2 names its family and what decides M', async () => {
		const v1 = { ...(await openModelFolder(await folder())).manifest };
		await expect(openModelFolder(await folder(v1))).resolves.toMatchObject({ manifest: v1 });
		const family = openModelFolder(await folder({ ...v1, family: 'llama-cam' }));
		await expect(family).rejects.toThrow('is of the family "llama-cam", which this version does not know');
		const mlp = { ...v1.projectors.mlp!, tokens_by: 'chance' };
		await expect(openModelFolder(await folder({ ...v1, projectors: { mlp } }))).rejects.toThrow(
			'"projectors.mlp.tokens_by" "chance"; known are fixed, squares, prefix, picture'
		);
	});

	it('has every field of a projector, also those that the file leaves to their defaults', async () => {
		const { manifest } = await openModelFolder(await folder());
		expect(manifest.projectors.mlp!.config).toEqual({
			...{ projector_type: 'mlp', num_query_tokens: 4, num_eos_tokens: 0, feature_layer_index: -1 },
			...{ pos_emb: false, encoder_hidden_size: 8, output_hidden_size: 8, depth: 2, prenorm: false }
		});
	});

	it.each<[string, Record<string, unknown>]>([
		['format version 3', { format_version: 3 }],
		['not the manifest', { format: 'other' }],
		['kv_dtype', { kv_dtype: 'int8' }],
		['"files"', { files: undefined }],
		['"image.size"', { image: { mean: [], std: [] } }],
		['outside the folder', { files: [{ path: '../x', size: 1, sha256: '0'.repeat(64) }] }],
		['SHA-256', { files: [{ path: 'g.onnx', size: 1, sha256: 'abc' }] }],
		['g.onnx in "graphs.vision" without listing', { files: [] }],
		['no projector', { projectors: {} }],
		['"projectors.mlp.token_places" (', entries({ token_places: undefined })],
		[
			'"projectors.mlp.token_places" "circle"; known are patches, grid, apart, none',
			entries({ token_places: 'circle' })
		],
		['"projectors.v1.5.feature_layer"', { projectors: { 'v1.5': { ...entry, feature_layer: undefined } } }],
		['"projectors.mlp.type" (it should be of type string)', entries({ type: undefined })],
		['"projectors.mlp.flexible" (it should be of type boolean)', entries({ flexible: 'yes' })],
		['"projectors.mlp.trained_tokens" (it should be of type array)', entries({ trained_tokens: 4 })],
		['"projectors.mlp.trained_tokens" that are not whole', entries({ trained_tokens: [4, 0.5] })],
		['"projectors.mlp.config" (it should be of type object)', entries({ config: undefined })],
		['"projectors.mlp.config" that the resampler is a mlp', entries({ type: 'resampler' })],
		[
			'projector_type is "q-former", which is unknown',
			entries({ type: 'q-former', config: { ...entry.config, projector_type: 'q-former' } })
		],
		[
			'cannot be used (projectors.mlp.config.depth is 0 but must be a whole number of at least 1); convert the checkpoint again',
			entries({ config: { ...entry.config, depth: 0 } })
		]
	])('is refused with a sentence: %s', async (message, changes) => {
		const opened = openModelFolder(await folder(changes));
		await expect(opened).rejects.toThrow(InputError);
		await expect(opened).rejects.toThrow(message);
		await expect(opened).rejects.toThrow('honeybee.json in tiny');
	});

	it('is missed and told from other text', async () => {
		await expect(openModelFolder(memoryFolder('empty', {}))).rejects.toThrow('empty is not a model folder');
		const html = memoryFolder('page', { 'honeybee.json': new TextEncoder().encode('<!doctype html>') });
		await expect(openModelFolder(html)).rejects.toThrow('is not JSON');
	});
});

describe('files', () => {
	it('are handed out when they are what the manifest says', async () => {
		const model = await openModelFolder(await folder());
		expect(await model.read('w.safetensors')).toEqual(bytes);
		await expect(model.read('other.bin')).rejects.toThrow('does not list other.bin');
	});

	it.each([
		['another length', new TextEncoder().encode('weight'), '6 bytes instead of 7'],
		['other bytes', new TextEncoder().encode('weighty'), 'SHA-256']
	])('are refused by name when they have %s', async (_, damaged, message) => {
		const model = await openModelFolder(await folder({}, { 'w.safetensors': damaged }));
		const read = model.read('w.safetensors');
		await expect(read).rejects.toThrow(InputError);
		await expect(read).rejects.toThrow('w.safetensors in the model folder tiny is damaged');
		await expect(read).rejects.toThrow(message);
		await expect(model.check('w.safetensors')).rejects.toThrow(message);
	});

	it('are refused when they are missing', async () => {
		const source = await folder();
		const model = await openModelFolder({
			...source,
			open: async (path) => (path === 'w.safetensors' ? undefined : source.open(path))
		});
		await expect(model.read('w.safetensors')).rejects.toThrow('w.safetensors is missing');
	});

	it('are fetched once more, past caches, before they are refused', async () => {
		const calls: boolean[] = [];
		const source = await folder();
		const loading: ModelSource = {
			...source,
			async load(path, { fresh, onBytes }) {
				const whole = await source.open(path);
				const content = whole && (await whole.read(0, whole.size));
				if (path !== 'w.safetensors') return content;
				calls.push(fresh);
				onBytes(7);
				return fresh ? content : content?.slice(1);
			}
		};
		const model = await openModelFolder(loading);
		const progress: number[] = [];
		expect(await model.read('w.safetensors', (_, loaded) => progress.push(loaded))).toEqual(bytes);
		expect(calls).toEqual([false, true]);
		expect(progress).toEqual([7, 7]);
	});
});

describe('a file as a Blob', () => {
	const text = async (blob: Blob | undefined) => blob && new Uint8Array(await blob.arrayBuffer());

	it('is the one that lies there, once it was checked', async () => {
		const stored = new Blob([bytes]);
		const source: ModelSource = { ...(await folder()), blob: async () => stored };
		expect(await (await openModelFolder(source)).blob('w.safetensors')).toBe(stored);
		const damaged: ModelSource = {
			...(await folder({}, { 'w.safetensors': new TextEncoder().encode('weighty') })),
			blob: async () => stored
		};
		await expect((await openModelFolder(damaged)).blob('w.safetensors')).rejects.toThrow('is damaged');
	});

	it('is made of what comes, and of nothing that came before it was fetched again', async () => {
		const progress: number[] = [];
		const source: ModelSource = {
			...(await folder()),
			async stream(_, { fresh, take }) {
				take(bytes.slice(0, 3));
				take(fresh ? bytes.slice(3) : bytes.slice(2, 6));
				return true;
			}
		};
		const blob = await (
			await openModelFolder(source)
		).blob('w.safetensors', (_, loaded) => progress.push(loaded));
		expect(await text(blob)).toEqual(bytes);
		expect(progress).toEqual([3, 7, 3, 7]);
	});

	it('is nothing where the browser has no room for it', async () => {
		const model = await openModelFolder(await folder());
		const read = vi.spyOn(Blob.prototype, 'arrayBuffer').mockRejectedValue(new DOMException('no room'));
		expect(await model.blob('w.safetensors')).toBeUndefined();
		read.mockRestore();
		expect(await text(await model.blob('w.safetensors'))).toEqual(bytes);
	});
});

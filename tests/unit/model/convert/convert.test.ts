import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import type { SourceFolder } from '../../../../src/lib/checkpoint/source.ts';
import { convert, type ConversionOptions } from '../../../../src/lib/model/convert/convert.ts';
import { planShards } from '../../../../src/lib/model/convert/shards.ts';
import type { DTypePreset, ModelManifest } from '../../../../src/lib/model/manifest.ts';
import { parseConfig } from '../../../../src/lib/model/families/honeybee/parse-config.ts';
import { projectors } from '../../../../src/lib/model/projectors/registry.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { memorySink } from '../../../support/memory-sink.ts';
import { memoryFolder } from '../../../../src/lib/checkpoint/memory.ts';
import { randomCheckpoint, randomTensors, smallConfig } from '../../../support/random-checkpoint.ts';

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function options(checkpoint: SourceFolder, changes: Partial<ConversionOptions> = {}): ConversionOptions {
	return {
		checkpoint,
		sink: memorySink(),
		dtype: 'fp32',
		name: 'test',
		resolve: async () => undefined,
		createHash: () => {
			const hash = createHash('sha256');
			return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
		},
		...changes
	};
}

const cAbs = {
	projector: { projector_type: 'c-abs', depth: 1, mlp_depth: 2, hidden_size: 32, num_query_tokens: 4 }
};
const resampler = {
	projector: {
		projector_type: 'resampler',
		hidden_size: 32,
		num_hidden_layers: 1,
		num_attention_heads: 4,
		intermediate_size: 48,
		num_query_tokens: 4,
		pos_emb: true
	}
};

/** Same towers as another checkpoint of that seed, another projector: what training five projectors gives. */
function sibling(projector: typeof cAbs | typeof resampler): SourceFolder {
	const towers = randomTensors(parseConfig(smallConfig()));
	const own = randomTensors(parseConfig(smallConfig(projector)), 5);
	for (const [key, value] of own) if (towers.has(key)) own.set(key, towers.get(key) ?? value);
	return randomCheckpoint(projector, { files: { 'model.safetensors': writeSafetensors(own) } });
}

async function refusal(promise: Promise<unknown>): Promise<string> {
	const error = await promise.then(
		() => undefined,
		(reason: unknown) => reason
	);
	expect(error).toBeInstanceOf(InputError);
	const { message } = error as InputError;
	expect(message).not.toContain('\n');
	return message;
}

describe('convert', () => {
	it('writes graphs, shards, tokenizer and a manifest whose sizes and hashes are those of the files', async () => {
		const sink = memorySink();
		const manifest = await convert(options(randomCheckpoint(), { sink }));
		expect(JSON.parse(new TextDecoder().decode(sink.files['honeybee.json']))).toEqual(
			JSON.parse(JSON.stringify(manifest))
		);
		expect(Object.keys(sink.files).sort()).toEqual(
			[...manifest.files.map((f) => f.path), 'honeybee.json'].sort()
		);
		for (const file of manifest.files) {
			expect(sink.files[file.path]!.length, file.path).toBe(file.size);
			expect(digest(sink.files[file.path]!), file.path).toBe(file.sha256);
		}
		expect(manifest.projectors.linear).toMatchObject({
			title: 'Linear',
			feature_layers: [2],
			tokens_by: 'fixed',
			most_tokens: 16,
			trained_tokens: [16]
		});
		expect(manifest.provenance.sources[0]).toMatchObject({ checkpoint: 'checkpoint', projector: 'linear' });
	});

	it.each(['fp32', 'fp16', 'q4', 'q4f16'] as const)(
		'%s: projectors and norms are stored in float32',
		async (dtype) => {
			const sink = memorySink();
			await convert(options(randomCheckpoint(cAbs), { sink, dtype }));
			for (const [path, bytes] of Object.entries(sink.files)) {
				if (!path.endsWith('.safetensors')) continue;
				const shard = await openSafetensors({
					name: path,
					size: bytes.length,
					read: async (a, b) => bytes.slice(a, b)
				});
				for (const entry of shard.entries.values()) {
					if (entry.name.startsWith('__pad')) continue;
					if (path.startsWith('projector') || /norm/.test(entry.name))
						expect(entry.dtype, entry.name).toBe('float32');
				}
			}
		}
	);

	it('adds a projector to a folder that holds the same towers', async () => {
		const sink = memorySink();
		await convert(options(randomCheckpoint(), { sink }));
		const before = { ...sink.files };
		const manifest = await convert(options(sibling(cAbs), { sink }));
		expect(Object.keys(manifest.projectors)).toEqual(['linear', 'c-abs']);
		expect(manifest.provenance.sources.map((s) => s.projector)).toEqual(['linear', 'c-abs']);
		expect(manifest.graphs.vision.weights.every((path) => sink.files[path] === before[path])).toBe(true);
		const again = await convert(options(sibling(cAbs), { sink }));
		expect(again.projectors).toEqual(manifest.projectors);
	});

	it('takes two projectors of one type under names of their own, with the M they were trained at', async () => {
		const sink = memorySink();
		const trained = { projector: { ...cAbs.projector, trained_tokens: [4, 16] } };
		await convert(options(sibling(trained), { sink }));
		const manifest = await convert(options(sibling(cAbs), { sink, projectorName: 'c-abs-m4' }));
		expect(manifest.projectors['c-abs']?.trained_tokens).toEqual([4, 16]);
		expect(manifest.projectors['c-abs']?.family).toBeUndefined();
		expect(manifest.projectors['c-abs-m4']).toMatchObject({ family: 'c-abs', trained_tokens: [4] });
		expect(manifest.projectors['c-abs-m4']?.graph).not.toBe(manifest.projectors['c-abs']?.graph);
		const copy = await convert(options(sink.folder, { sink: memorySink() }));
		expect(copy.projectors['c-abs-m4']?.family).toBe('c-abs');
	});

	it('refuses a bad projector name, a name for a whole model folder, and trained_tokens that are no counts', async () => {
		const sink = memorySink();
		expect(await refusal(convert(options(randomCheckpoint(), { sink, projectorName: 'a/b' })))).toMatch(
			/cannot name a projector/
		);
		const bad = randomCheckpoint({ projector: { trained_tokens: [0] } });
		expect(await refusal(convert(options(bad, { sink })))).toMatch(/trained_tokens/);
		await convert(options(randomCheckpoint(), { sink }));
		expect(
			await refusal(convert(options(sink.folder, { sink: memorySink(), projectorName: 'other' })))
		).toMatch(/model folder/);
	});

	it('refuses to add to a folder with other weights, other sizes or another dtype, and leaves it as it was', async () => {
		const sink = memorySink();
		await convert(options(randomCheckpoint(), { sink }));
		const before = { ...sink.files };
		expect(await refusal(convert(options(randomCheckpoint({}, { seed: 9 }), { sink })))).toMatch(
			/other weights/
		);
		expect(
			await refusal(convert(options(randomCheckpoint({ text: { num_hidden_layers: 1 } }), { sink })))
		).toMatch(/already holds test/);
		expect(await refusal(convert(options(randomCheckpoint(), { sink, dtype: 'q4' })))).toMatch(
			/already holds/
		);
		for (const file of Object.keys(before).filter((path) => path.endsWith('.safetensors')))
			expect(digest(sink.files[file]!)).toBe(digest(before[file]!));
		expect(sink.files['honeybee.json']).toEqual(before['honeybee.json']);
	});

	it('refuses a honeybee.json that is no whole manifest, where it comes from and where it goes', async () => {
		const stub = JSON.stringify({ format: 'honeybee-model', format_version: 1, projectors: null });
		const files = { 'honeybee.json': new TextEncoder().encode(stub) };
		const from = memoryFolder('stub', files);
		expect(await refusal(convert(options(from)))).toMatch(/honeybee\.json in stub has no usable "name"/);
		const sink = memorySink();
		Object.assign(sink.files, files);
		expect(await refusal(convert(options(randomCheckpoint(), { sink })))).toMatch(/no usable "name"/);
	});

	it.each(['q4', 'fp16', 'fp32'] as const)(
		'an fp32 model folder converts to %s as its checkpoint does',
		async (dtype) => {
			const direct = memorySink();
			const folder = memorySink();
			const twice = memorySink();
			const small = (m: ModelManifest) => m.files.filter((f) => !f.path.endsWith('.json'));
			const wanted = await convert(options(randomCheckpoint(cAbs), { sink: direct, dtype }));
			await convert(options(randomCheckpoint(cAbs), { sink: folder }));
			const got = await convert(options(folder.folder, { sink: twice, dtype }));
			expect(small(got)).toEqual(small(wanted));
			expect(got.projectors).toEqual(wanted.projectors);
		}
	);

	it('refuses to convert a quantised folder again', async () => {
		const sink = memorySink();
		await convert(options(randomCheckpoint(), { sink, dtype: 'q4' }));
		expect(await refusal(convert(options(sink.folder)))).toMatch(/without loss/);
	});

	it('goes on at the shard after an interruption', async () => {
		const sink = memorySink();
		const interrupted = new AbortController();
		await expect(
			convert(
				options(randomCheckpoint(), {
					sink,
					signal: interrupted.signal,
					onProgress: ({ what }) => {
						if (what.startsWith('language')) interrupted.abort();
					}
				})
			)
		).rejects.toThrow();
		expect(sink.files['honeybee.json']).toBeUndefined();
		const vision = sink.files['vision.safetensors'];
		expect(vision).toBeDefined();
		const created: string[] = [];
		const watched = {
			...sink,
			folder: sink.folder,
			create: (path: string) => (created.push(path), sink.create(path))
		};
		await convert(options(randomCheckpoint(), { sink: watched }));
		expect(created).not.toContain('vision.safetensors');
		expect(created).toContain('language.safetensors');
		expect(sink.files['vision.safetensors']).toBe(vision);
		expect(sink.files['honeybee.partial.json']).toBeUndefined();
	});

	it('does not go on with shards of another checkpoint of the same name', async () => {
		const sink = memorySink();
		const interrupted = new AbortController();
		const onProgress = ({ what }: { what: string }) => {
			if (what.startsWith('language')) interrupted.abort();
		};
		await expect(
			convert(options(randomCheckpoint(), { sink, signal: interrupted.signal, onProgress }))
		).rejects.toThrow();
		const other = randomCheckpoint({}, { seed: 9 });
		const manifest = await convert(options(other, { sink }));
		const fresh = await convert(options(other));
		expect(manifest.files).toEqual(fresh.files);
	});

	it('leaves no manifest when the disk is full', async () => {
		const sink = memorySink();
		const full = {
			...sink,
			folder: sink.folder,
			async create(path: string) {
				const writer = await sink.create(path);
				return path === 'language.safetensors'
					? { ...writer, write: () => Promise.reject(new InputError('The disk is full.')) }
					: writer;
			}
		};
		expect(await refusal(convert(options(randomCheckpoint(), { sink: full })))).toBe('The disk is full.');
		expect(sink.files['honeybee.json']).toBeUndefined();
	});

	describe('bad checkpoints are refused before a byte is written', () => {
		const cases: [string, SourceFolder, RegExp][] = [
			[
				'unknown projector',
				randomCheckpoint(
					{},
					{
						files: {
							'config.json': JSON.stringify(smallConfig({ projector: { projector_type: 'q-former' } }))
						}
					}
				),
				new RegExp(
					`"q-former", which is unknown; known types are ${projectors.map(({ type }) => type).join(', ')}`
				)
			],
			[
				'wrong shape',
				randomCheckpoint(
					{},
					{ files: { 'config.json': JSON.stringify(smallConfig({ text: { intermediate_size: 128 } })) } }
				),
				/mlp\.up_proj\.weight has shape \[96, 64\], but config\.json asks for \[128, 64\]/
			],
			[
				'missing tensor',
				randomCheckpoint(
					{},
					{ files: { 'config.json': JSON.stringify(smallConfig({ text: { num_hidden_layers: 3 } })) } }
				),
				/has no tensor language_model\.model\.layers\.2/
			],
			[
				'no config',
				randomCheckpoint({}, { files: { 'config.json': '{}' } }),
				/config\.json in checkpoint \(no model_type\) is of no family that is served.*the nearest is Honeybee/
			],
			[
				'several feature levels',
				randomCheckpoint(
					{},
					{
						files: {
							'config.json': JSON.stringify(smallConfig({ projector: { feature_layer_index: [-1, -2] } }))
						}
					}
				),
				/features of 2 layers at once/
			],
			[
				'M not square',
				randomCheckpoint(
					{},
					{
						files: {
							'config.json': JSON.stringify(
								smallConfig({ projector: { projector_type: 'c-abs', num_query_tokens: 5 } })
							)
						}
					}
				),
				/needs a square number/
			]
		];
		it.each(cases)('%s', async (_title, checkpoint, message) => {
			const sink = memorySink();
			expect(await refusal(convert(options(checkpoint, { sink })))).toMatch(message);
			expect(Object.keys(sink.files)).toEqual([]);
		});

		it('no tokenizer', async () => {
			const full = randomCheckpoint();
			const bare: SourceFolder = {
				...full,
				open: async (path) => (path === 'tokenizer.json' ? undefined : full.open(path))
			};
			expect(await refusal(convert(options(bare)))).toMatch(/add --tokenizer DIR/);
		});
	});

	it('converts an old-format checkpoint: renamed config, extra cls row of pos_emb, persistent buffers', async () => {
		const projector = { ...cAbs.projector, pos_emb: true };
		const json = smallConfig({ projector });
		const tensors = randomTensors(parseConfig(json));
		const positions = tensors.get('abstractor.pos_emb')!;
		const E = 32;
		const old = new Map(tensors);
		old.set('abstractor.pos_emb', {
			dtype: 'float32',
			dims: [1, 17, E],
			data: Float32Array.from([...new Float32Array(E).fill(99), ...(positions.data as Float32Array)])
		});
		old.set('language_model.model.layers.0.self_attn.rotary_emb.inv_freq', {
			dtype: 'float32',
			dims: [8],
			data: new Float32Array(8)
		});
		const { projector_config, ...rest } = json;
		const { num_query_tokens, ...oldProjector } = projector_config as Record<string, unknown>;
		const oldConfig = {
			...rest,
			hidden_size: 1,
			num_query_tokens,
			visual_projector_config: { ...oldProjector, num_eos_tokens: 0, encoder_hidden_size: E }
		};
		const a = memorySink();
		const b = memorySink();
		await convert(options(randomCheckpoint({ projector }), { sink: a }));
		const manifest = await convert(
			options(
				randomCheckpoint(
					{ projector },
					{
						files: { 'config.json': JSON.stringify(oldConfig), 'model.safetensors': writeSafetensors(old) }
					}
				),
				{ sink: b }
			)
		);
		expect(manifest.projectors['c-abs']).toMatchObject({ num_query_tokens: 4, num_eos_tokens: 0 });
		const values = async (files: Record<string, Uint8Array>, name: string) => {
			const bytes = files['projector.c-abs.safetensors']!;
			const shard = await openSafetensors({
				name: 'x',
				size: bytes.length,
				read: async (s, e) => bytes.slice(s, e)
			});
			return (await shard.read(name)).data;
		};
		expect(await values(b.files, 'abstractor.pos_emb.without_cls')).toEqual(
			await values(a.files, 'abstractor.pos_emb')
		);
	});
});

describe('planShards', () => {
	const weight = (name: string, bytes: number) => ({
		name,
		dtype: 'uint8' as const,
		dims: [bytes],
		async *pieces() {
			yield new Uint8Array(bytes);
		}
	});
	const MiB = 1024 * 1024;

	it('keeps shards at 256 MiB and tensors aligned', () => {
		const shards = planShards('language', [
			weight('a', 150 * MiB + 3),
			weight('b', 150 * MiB),
			weight('c', 7),
			weight('d', 9)
		]);
		expect(shards.map((s) => s.path)).toEqual([
			'language-00001-of-00002.safetensors',
			'language-00002-of-00002.safetensors'
		]);
		for (const shard of shards) {
			expect(shard.size).toBeLessThanOrEqual(256 * MiB);
			for (const { offset } of shard.locations.values()) expect(offset % 16).toBe(0);
		}
	});

	it('gives a tensor above the limit a shard of its own', () => {
		const shards = planShards('x', [weight('a', 1), weight('big', 600 * MiB), weight('b', 1)]);
		expect(shards.map((s) => [...s.locations.keys()])).toEqual([['a'], ['big'], ['b']]);
	});
});

const presets: readonly DTypePreset[] = ['fp32', 'fp16', 'q4', 'q4f16'];
describe('presets', () => {
	it.each(presets)('%s: the projector stays float32', async (dtype) => {
		const { dtypes } = await convert(options(randomCheckpoint(resampler), { dtype }));
		expect(dtypes.projector).toBe('fp32');
	});
});

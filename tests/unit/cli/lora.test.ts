import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../../src/cli/ask.ts';
import type { Command } from '../../../src/cli/command.ts';
import { convertCommand } from '../../../src/cli/convert.ts';
import { inspect } from '../../../src/cli/inspect.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { openCheckpoint } from '../../../src/lib/checkpoint/folder.ts';
import { memoryFolder, memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { openSafetensors, writeSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import { openTorchZip } from '../../../src/lib/checkpoint/torch.ts';
import { openCheckpointIn } from '../../../src/lib/model/convert/pick.ts';
import { openSources } from '../../../src/lib/model/convert/source.ts';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { toFloat32 } from '../../../src/lib/tensor/half.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { silent } from '../../support/golden-model.ts';

const fixtures = new URL('../../fixtures/', import.meta.url).pathname;
const golden = join(fixtures, 'families/llava-original');
const adapter = join(fixtures, 'lora/llava');
const picture = join(fixtures, 'golden/images/scene_200x150.png');

async function printed(command: Command, args: readonly string[]): Promise<string> {
	const output: string[] = [];
	await command.run(args, { ...silent, write: (text) => void output.push(text) });
	return output.join('');
}

/** Tensors of the base, and of the adapter under the names of the base. */
async function tensorsOf() {
	const base = new Map<string, Tensor<'float32'>>();
	const source = await openFolder(join(golden, 'checkpoint'));
	const checkpoint = await openCheckpoint(source);
	for (const name of checkpoint.entries.keys())
		if (!name.includes('mm_projector')) base.set(name, toFloat32(await checkpoint.read(name)));
	await source.close();
	const bytes = await readFile(join(adapter, 'adapter_model.safetensors'));
	const lora = await openSafetensors(memorySource('adapter', new Uint8Array(bytes)));
	const whole = await openTorchZip(
		memorySource(
			'non_lora_trainables.bin',
			new Uint8Array(await readFile(join(adapter, 'non_lora_trainables.bin')))
		)
	);
	return { base, lora, whole };
}

/** The weights with the adapter in them: W + alpha / r · B · A, in doubles. */
async function mergedByHand(scale: number) {
	const { base, lora, whole } = await tensorsOf();
	const merged = new Map(base);
	for (const name of lora.entries.keys()) {
		const path = /^base_model\.model\.(.+)\.lora_A\.weight$/.exec(name)?.[1];
		if (path === undefined) continue;
		const W = base.get(`${path}.weight`)!;
		const A = toFloat32(await lora.read(name));
		const B = toFloat32(await lora.read(name.replace('lora_A', 'lora_B')));
		const [rows, columns] = W.dims as [number, number];
		const rank = A.dims[0]!;
		const data = Float32Array.from(W.data, (value, i) => {
			const [row, column] = [Math.floor(i / columns), i % columns];
			let sum = 0;
			for (let k = 0; k < rank; k++) sum += B.data[row * rank + k]! * A.data[k * columns + column]!;
			return value + scale * sum;
		});
		expect(data.length).toBe(rows * columns);
		merged.set(`${path}.weight`, { ...W, data });
	}
	for (const name of whole.entries.keys())
		merged.set(name.replace('base_model.model.', ''), toFloat32(await whole.read(name)));
	return merged;
}

describe('a LoRA as LLaVA’s training saves it', () => {
	let folder = '';
	/** A language model without a projector, as Vicuna is one. */
	let base = '';
	const vision = ['--vision', join(golden, 'vision')];

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'honeybee-lora-'));
		base = join(folder, 'base');
		await mkdir(base);
		for (const name of await readdir(join(golden, 'checkpoint')))
			if (!name.startsWith('pytorch_model') && name !== 'config.json')
				await cp(join(golden, 'checkpoint', name), join(base, name));
		const { base: tensors } = await tensorsOf();
		await writeFile(join(base, 'model.safetensors'), writeSafetensors(tensors));
		const config = JSON.parse(await readFile(join(golden, 'checkpoint/config.json'), 'utf8')) as object;
		const plain = Object.fromEntries(
			Object.entries(config).filter(([key]) => !/^(mm_|tune_|freeze_|image_|use_mm)/.test(key))
		);
		await writeFile(join(base, 'config.json'), JSON.stringify({ ...plain, model_type: 'llama' }));
	});
	afterAll(() => rm(folder, { recursive: true }));

	/** An adapter with another config. */
	async function changed(name: string, changes: object, without: readonly string[] = []) {
		const path = join(folder, name);
		await cp(adapter, path, { recursive: true });
		const file = join(path, 'adapter_config.json');
		const config = JSON.parse(await readFile(file, 'utf8')) as object;
		await writeFile(file, JSON.stringify({ ...config, ...changes }));
		for (const gone of without) await rm(join(path, gone));
		return path;
	}

	/** The answer of a model folder and its logits. */
	async function asked(model: string) {
		const trace = join(folder, 'trace.safetensors');
		const answer = JSON.parse(
			await printed(ask, [
				...['--model', model, '--image', picture, '--prompt', 'What is it?'],
				...['--max-new-tokens', '8', '--json', '--trace', trace]
			])
		) as { readonly ids: readonly number[]; readonly prompt_ids: readonly number[] };
		const tensors = await openSafetensors(memorySource('trace', new Uint8Array(await readFile(trace))));
		return { answer, logits: toFloat32(await tensors.read('logits')).data };
	}

	const farthest = (a: Float32Array, b: Float32Array) => {
		const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
		return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0) / scale;
	};

	it.each([
		{ kind: 'alpha / r', changes: {}, scale: 12 / 4 },
		{ kind: 'alpha / √r', changes: { use_rslora: true, lora_alpha: 2 }, scale: 2 / Math.sqrt(4) }
	])('answers as the merged checkpoint does ($kind)', async ({ changes, scale }) => {
		const name = 'use_rslora' in changes ? 'root' : 'plain';
		const from = await changed(`adapter-${name}`, changes);
		const full = join(folder, `full-${name}`);
		await cp(base, full, { recursive: true });
		await cp(join(adapter, 'config.json'), join(full, 'config.json'));
		await writeFile(join(full, 'model.safetensors'), writeSafetensors(await mergedByHand(scale)));
		const [models, whole] = [join(folder, `lora-model-${name}`), join(folder, `full-model-${name}`)];
		await convertCommand.run([from, models, '--base', base, ...vision], silent);
		await convertCommand.run([full, whole, ...vision], silent);
		const [lora, expected] = [await asked(models), await asked(whole)];
		expect(lora.answer.prompt_ids).toEqual(expected.answer.prompt_ids);
		expect(lora.answer.ids).toEqual(expected.answer.ids);
		expect(farthest(lora.logits, expected.logits)).toBeLessThanOrEqual(1e-5);
		const { provenance, family } = JSON.parse(
			await readFile(join(models, 'honeybee.json'), 'utf8')
		) as ModelManifest;
		expect(family).toBe(JSON.parse(await readFile(join(whole, 'honeybee.json'), 'utf8')).family);
		const files = provenance.sources[0]!.files.map(({ path }) => path);
		expect(files).toEqual(expect.arrayContaining(['non_lora_trainables.bin', 'base/model.safetensors']));
	});

	it('inspect tells what it is and what its base is, also where that is missing', async () => {
		const about = await printed(inspect, [adapter, '--base', base, ...vision]);
		expect(about).toContain('adapter    LoRA of rank 4, alpha 12, over the base lmsys/vicuna-7b-v1.5\n');
		expect(about).toContain('family     LLaVA-1.5, spelling: original');
		expect(about).toContain('tokenizer  tokenizer.model');
		expect(about.match(/^unused .*/gm)).toEqual([
			expect.stringContaining('as in every checkpoint of this kind')
		]);
		const output: string[] = [];
		const terminal = { ...silent, write: (text: string) => void output.push(text) };
		await expect(inspect.run([adapter, ...vision], terminal)).rejects.toThrow(
			/LoRA checkpoint whose base model lmsys\/vicuna-7b-v1\.5 \(base_model_name_or_path of adapter_config\.json\) was not found; give it with --base/
		);
		expect(output.join('')).toContain('over the base lmsys/vicuna-7b-v1.5');
	});

	it('both folders together are enough for the page', async () => {
		const files: Record<string, Uint8Array> = {};
		for (const [at, from] of [
			['run/lora', adapter],
			['run/vicuna', base],
			['run/clip', join(golden, 'vision')]
		] as const)
			for (const name of await readdir(from))
				files[`${at}/${name}`] = new Uint8Array(await readFile(join(from, name)));
		const found = await openCheckpointIn(memoryFolder('dropped', files));
		expect(found.checkpoint.name).toBe('dropped/run/lora');
		const [source] = await openSources(found.checkpoint, found.resolve);
		expect(source!.base!.name).toBe('dropped/run/vicuna');
		expect([...source!.state.entries.keys()].filter((name) => name.includes('abstractor'))).toHaveLength(4);
	});

	it('finds layers in another spelling of the family', async () => {
		// PEFT has the names in memory: transformers 5's, over a base that transformers 4 saved.
		const hf = join(fixtures, 'families/llava-hf-4/checkpoint');
		const source = await openFolder(hf);
		const checkpoint = await openCheckpoint(source);
		const target = [...checkpoint.entries.keys()].find(
			(name) => name.endsWith('layers.0.self_attn.q_proj.weight') && name.startsWith('language_model')
		)!;
		const [rows, columns] = checkpoint.entries.get(target)!.dims as [number, number];
		const path = 'base_model.model.model.language_model.layers.0.self_attn.q_proj';
		const ones = (dims: [number, number]): Tensor<'float32'> => ({
			dtype: 'float32',
			dims,
			data: new Float32Array(dims[0] * dims[1]).fill(1)
		});
		const lora = memoryFolder('lora', {
			'adapter_config.json': JSON.stringify({
				peft_type: 'LORA',
				r: 1,
				lora_alpha: 2,
				base_model_name_or_path: 'x'
			}),
			'adapter_model.safetensors': writeSafetensors([
				[`${path}.lora_A.weight`, ones([1, columns])],
				[`${path}.lora_B.weight`, ones([rows, 1])]
			])
		});
		const [merged] = await openSources(lora, async () => source);
		const before = toFloat32(await checkpoint.read(target)).data;
		const name = 'language_model.model.layers.0.self_attn.q_proj.weight';
		const { dtype, count, read } = await merged!.state.reader(name);
		expect(dtype).toBe('float32');
		const after = new Float32Array((await read(0, count)).slice().buffer);
		expect(Array.from(after)).toEqual(Array.from(before, (value) => Math.fround(value + 2)));
		await source.close();
	});

	it('refuses what does not fit, in one sentence', async () => {
		const out = join(folder, 'refused');
		const convert = (from: string, ...more: string[]) =>
			convertCommand.run([from, out, ...vision, ...more], silent);
		await expect(convert(adapter)).rejects.toThrow(
			'base model lmsys/vicuna-7b-v1.5 (base_model_name_or_path'
		);
		await expect(convert(join(golden, 'checkpoint'), '--base', base)).rejects.toThrow(
			'is no LoRA adapter (it has no adapter_config.json), so that it has no base; leave --base out.'
		);
		await expect(convert(adapter, '--base', join(folder, 'nowhere'))).rejects.toThrow('nowhere');
		const noProjector = await changed('no-projector', {}, ['non_lora_trainables.bin']);
		await expect(convert(noProjector, '--base', base)).rejects.toThrow(/abstractor|mm_projector/);
		const noAdapter = await changed('no-adapter', {}, ['adapter_model.safetensors']);
		await expect(convert(noAdapter, '--base', base)).rejects.toThrow('copy that file too');
		await expect(convert(await changed('rank', { r: 8 }), '--base', base)).rejects.toThrow(
			/has rank 4 for model\.layers\.0\..*, but adapter_config\.json says 8/
		);
		const write = async (name: string, tensors: Iterable<readonly [string, Tensor]>) => {
			const path = await changed(name, {});
			await writeFile(join(path, 'adapter_model.safetensors'), writeSafetensors(tensors));
			return path;
		};
		const two = (dims: readonly [number, number]): Tensor<'float32'> => ({
			...{ dtype: 'float32', dims },
			data: new Float32Array(dims[0] * dims[1])
		});
		await expect(convert(await write('empty', []), '--base', base)).rejects.toThrow('holds no tensors');
		const pair = (path: string, a: readonly [number, number], b: readonly [number, number]) =>
			[
				[`base_model.model.${path}.lora_A.weight`, two(a)],
				[`base_model.model.${path}.lora_B.weight`, two(b)]
			] as const;
		const stranger = await write('stranger', pair('transformer.h.0.attn.c_attn', [4, 96], [96, 4]));
		await expect(convert(stranger, '--base', base)).rejects.toThrow(
			'changes transformer.h.0.attn.c_attn.weight, which its base does not have; it belongs to another base.'
		);
		const shapes = await write('shapes', pair('model.layers.0.self_attn.q_proj', [4, 95], [96, 4]));
		await expect(convert(shapes, '--base', base)).rejects.toThrow('which do not fit together');
	});
});

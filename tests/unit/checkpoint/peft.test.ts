import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../src/lib/checkpoint/folder.ts';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import { openPeft, parsePeftConfig, peftBasePath } from '../../../src/lib/checkpoint/peft.ts';
import { writeSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { tensor } from '../../../src/lib/tensor/tensor.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { floats } from './build.ts';
import { float32ToBfloat16 } from '../../support/bfloat16.ts';

type Tensors = Record<string, Tensor>;
const checkpointOf = (tensors: Tensors) =>
	openCheckpoint(memoryFolder('base', { 'model.safetensors': writeSafetensors(Object.entries(tensors)) }));

const layer = 'language_model.model.layers.0.self_attn.q_proj';
const key = (name: string) => `base_model.model.${name}`;

// W [3, 2], A [2, 2], B [3, 2]; B·A = [[1, 2], [3, 4], [4, 6]]
const W = [10, 20, 30, 40, 50, 60];
const A = floats([2, 2], [1, 2, 3, 4]);
const B = floats([3, 2], [1, 0, 0, 1, 1, 1]);
const product = [1, 2, 3, 4, 4, 6];
const plus = (scale: number) => W.map((value, i) => value + scale * product[i]!);

const base: Tensors = {
	[`${layer}.weight`]: floats([3, 2], W),
	'abstractor.net.0.weight': floats([2], [1, 1]),
	'abstractor.old': floats([1], [9]),
	'language_model.model.norm.weight': floats([2], [7, 8])
};
const lora: Tensors = { [key(`${layer}.lora_A.weight`)]: A, [key(`${layer}.lora_B.weight`)]: B };
const config = { peft_type: 'LORA', r: 2, lora_alpha: 8, base_model_name_or_path: '' };

async function open(adapter: Tensors, changes: Record<string, unknown> = {}, tensors = base) {
	const folder = memoryFolder('last', {
		'adapter_config.json': JSON.stringify({ ...config, ...changes }),
		'adapter_model.safetensors': writeSafetensors(Object.entries(adapter))
	});
	return openPeft(folder, await checkpointOf(tensors));
}
const merged = async (...args: Parameters<typeof open>) => [
	...(await (await open(...args)).read(`${layer}.weight`)).data
];

describe('LoRA merged into its base', () => {
	test('W + alpha / r · B · A; other tensors stay', async () => {
		expect(await merged(lora)).toEqual(plus(4));
		const opened = await open(lora);
		expect((await opened.read('language_model.model.norm.weight')).data).toEqual(Float32Array.of(7, 8));
		expect([...opened.entries.keys()].sort()).toEqual(Object.keys(base).sort());
	});

	test('float32 over a bfloat16 base', async () => {
		const opened = await open(
			lora,
			{},
			{
				...base,
				[`${layer}.weight`]: tensor('bfloat16', [3, 2], float32ToBfloat16(Float32Array.from(W)))
			}
		);
		expect(opened.entries.get(`${layer}.weight`)?.dtype).toBe('float32');
		const read = await opened.read(`${layer}.weight`);
		expect([read.dtype, ...read.data]).toEqual(['float32', ...plus(4)]);
	});

	test('scales: rank-stabilised, alpha by layer; weights stored [in, out]', async () => {
		expect(await merged(lora, { use_rslora: true, lora_alpha: Math.SQRT2 })).toEqual(plus(1));
		expect(await merged(lora, { alpha_pattern: { 'self_attn.q_proj': 2 } })).toEqual(plus(1));
		expect(await merged(lora, { alpha_pattern: { k_proj: 2, proj: 2 } })).toEqual(plus(4));
		expect(await merged(lora, { r: 4, rank_pattern: { q_proj: 2 } })).toEqual(plus(4));
		const transposed = { ...base, [`${layer}.weight`]: floats([2, 3], [10, 30, 50, 20, 40, 60]) };
		const expected = plus(4);
		expect(await merged(lora, { fan_in_fan_out: true }, transposed)).toEqual(
			[0, 2, 4, 1, 3, 5].map((i) => expected[i])
		);
	});

	test('a module saved whole replaces the base’s, of which nothing is kept', async () => {
		const saved = {
			...lora,
			[key('abstractor.net.0.weight')]: floats([3], [5, 6, 7]),
			[key('abstractor.modules_to_save.default.net.2.bias')]: floats([1], [2])
		};
		const opened = await open(saved, { modules_to_save: ['abstractor'] });
		expect(opened.entries.get('abstractor.net.0.weight')).toEqual({
			name: 'abstractor.net.0.weight',
			dtype: 'float32',
			dims: [3]
		});
		expect((await opened.read('abstractor.net.0.weight')).data).toEqual(Float32Array.of(5, 6, 7));
		expect((await opened.read('abstractor.net.2.bias')).data).toEqual(Float32Array.of(2));
		expect(opened.entries.has('abstractor.old')).toBe(false);
		await expect(opened.read('abstractor.old')).rejects.toThrow(InputError);
	});
});

test('an empty base is the folder `base` beside the adapter’s', () => {
	expect(peftBasePath(parsePeftConfig(config, 'x'))).toBe('../base');
	expect(peftBasePath(parsePeftConfig({ ...config, base_model_name_or_path: 'a/b' }, 'x'))).toBe('a/b');
});

describe('adapters refused with a sentence', () => {
	const half = { [key(`${layer}.lora_A.weight`)]: A };
	const cases: [what: string, adapter: Tensors, changes: Record<string, unknown>, message: RegExp][] = [
		['another method', lora, { peft_type: 'IA3' }, /peft_type IA3/],
		['DoRA', lora, { use_dora: true }, /use_dora/],
		['PiSSA', lora, { init_lora_weights: 'pissa' }, /init_lora_weights to pissa/],
		['no rank', lora, { r: 0 }, /no valid rank/],
		['no alpha', lora, { lora_alpha: 'x' }, /no valid lora_alpha/],
		['pattern', lora, { alpha_pattern: { '(a+)+$': 2 } }, /alpha_pattern "\(a\+\)\+\$"/],
		['half a pair', half, {}, /only one of lora_A and lora_B/],
		['rank', lora, { r: 3 }, /has rank 2 .* says 3/],
		[
			'shape',
			{ ...lora, [key(`${layer}.lora_B.weight`)]: floats([2, 2], [1, 2, 3, 4]) },
			{},
			/do not fit together/
		],
		[
			'unknown layer',
			{ [key('x.lora_A.weight')]: A, [key('x.lora_B.weight')]: B },
			{},
			/changes x\.weight, which its base does not have/
		],
		['embedding', { [key('x.lora_embedding_A')]: A }, {}, /a LoRA variant that is not supported/]
	];
	test.each(cases)('%s', async (_, adapter, changes, message) => {
		const failure = await open(adapter, changes).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(InputError);
		expect((failure as Error).message).toMatch(message);
	});

	test('adapter file missing', async () => {
		const folder = memoryFolder('last', { 'adapter_config.json': JSON.stringify(config) });
		await expect(openPeft(folder, await checkpointOf(base))).rejects.toThrow(
			'neither adapter_model.safetensors nor adapter_model.bin'
		);
	});
});

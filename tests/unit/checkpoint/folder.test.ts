import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../src/lib/checkpoint/folder.ts';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import { writeSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { fixture, floats } from './build.ts';

const one = writeSafetensors([
	['b', floats([2], [1, 2])],
	['a', floats([1], [3])]
]);
const two = writeSafetensors([
	['c', floats([1], [4])],
	['stray', floats([1], [5])]
]);
const index = (weight_map: Record<string, unknown>) =>
	JSON.stringify({ metadata: { total_size: 16 }, weight_map });
const open = (files: Record<string, Uint8Array | string>) => openCheckpoint(memoryFolder('last', files));

const shards = { 'model-00001-of-00002.safetensors': one, 'model-00002-of-00002.safetensors': two };
const [first, second] = Object.keys(shards) as [string, string];
const map = { a: first, c: second, b: first };

describe('which weights of a folder are read', () => {
	test.each(['pytorch_model.bin', 'pytorch_model.bin.index.json'])(
		'safetensors where %s is there, too, and that is said',
		async (other) => {
			const { files, notes } = await open({ 'model.safetensors': one, [other]: '{}' });
			expect(files).toEqual(['model.safetensors']);
			expect(notes).toEqual([
				`${other} is passed over: model.safetensors is read, as Hugging Face's loader does where both are there.`
			]);
		}
	);

	test('shards: all tensors of the files that the index names', async () => {
		const checkpoint = await open({
			...shards,
			'model.safetensors.index.json': index({ ...map, stray: second })
		});
		expect([...checkpoint.entries.keys()].sort()).toEqual(['a', 'b', 'c', 'stray']);
		expect(checkpoint.notes).toBeUndefined();
		expect(checkpoint.files).toEqual([first, second]);
		expect((await checkpoint.read('b')).data).toEqual(Float32Array.of(1, 2));
		expect((await checkpoint.read('c')).data).toEqual(Float32Array.of(4));
		await expect(checkpoint.read('d')).rejects.toThrow('last has no tensor d');
	});

	test.each([
		[
			{ ...map },
			/^model\.safetensors\.index\.json does not name stray, which transformers 4 leaves out and 5 reads: it is of another save/
		],
		[{ ...map, stray: second, b: second }, /puts b into another file: it is of another save/],
		[{ a: second, b: first }, /puts a into another file and does not name c, stray, which .*: it/]
	])('an index that is wrong about files that hold everything: %j', async (weightMap, note) => {
		const checkpoint = await open({ ...shards, 'model.safetensors.index.json': index(weightMap) });
		expect([...checkpoint.entries.keys()].sort()).toEqual(['a', 'b', 'c', 'stray']);
		expect(checkpoint.notes).toEqual([expect.stringMatching(note)]);
	});

	test('names that no file holds are told of the tensors, which may not be needed', async () => {
		const all = { ...map, stray: second, d: second, e: first };
		const checkpoint = await open({ ...shards, 'model.safetensors.index.json': index(all) });
		expect([...checkpoint.entries.keys()].sort()).toEqual(['a', 'b', 'c', 'stray']);
		expect([...checkpoint.unreadable!.keys()].sort()).toEqual(['d', 'e']);
		expect(checkpoint.unreadable!.get('d')).toMatch(
			/^is named by .* and none of its files hold it; index and/
		);
		expect(checkpoint.notes).toEqual([
			expect.stringMatching(/names e, d, which none of its files hold: it is/)
		]);
	});

	test('an index under another name, when it is the only one', async () => {
		const checkpoint = await open({ ...shards, 'vicuna.safetensors.index.json': index(map) });
		expect(checkpoint.entries.size).toBe(4);
	});

	test('safetensors before .bin, whole before shards', async () => {
		const bin = fixture('checkpoint/protocol-2.bin');
		expect((await open({ 'pytorch_model.bin': bin })).files).toEqual(['pytorch_model.bin']);
		expect((await open({ 'pytorch_model.bin': bin, 'model.safetensors': one })).files).toEqual([
			'model.safetensors'
		]);
		const all = { ...shards, 'pytorch_model.bin': bin, 'model.safetensors.index.json': index(map) };
		expect((await open(all)).files).toEqual([first, second]);
	});
});

describe('refused with a sentence', () => {
	const indexed = (weight_map: Record<string, unknown>) => ({
		...shards,
		'model.safetensors.index.json': index(weight_map)
	});
	const cases: [what: string, files: Record<string, Uint8Array | string>, message: RegExp][] = [
		[
			'no file',
			{},
			/^last is empty; give the folder of a checkpoint, which holds config\.json and the weights\.$/
		],
		[
			'nothing',
			{ 'config.json': '{}' },
			/^last has no weights: model\.safetensors, .* are looked for; give the folder that holds them and config\.json\.$/
		],
		['weights one folder below', { 'last/pytorch_model.bin': one }, /its folder last has; give that one/],
		[
			'shards without index',
			shards,
			/model-00001-of-00002\.safetensors\) but no index \(model\.safetensors\.index\.json\)/
		],
		['adapter without base', { 'adapter_config.json': '{}' }, /PEFT adapter/],
		[
			'missing shard',
			{ [first]: one, 'model.safetensors.index.json': index(map) },
			/last lacks model-00002-of-00002\.safetensors, which model\.safetensors\.index\.json names for 1 tensors/
		],
		[
			'path out of the folder',
			indexed({ a: '../secret.safetensors' }),
			/"\.\.\/secret\.safetensors", which is not a file/
		],
		['path out of the folder, deeper', indexed({ a: 'x/../../secret' }), /not a file of the folder/],
		['absolute path', indexed({ a: '/etc/passwd' }), /"\/etc\/passwd", which is not a file/],
		['Windows path', indexed({ a: '..\\secret' }), /not a file of the folder/],
		['drive', indexed({ a: 'C:secret' }), /not a file of the folder/],
		['no path', indexed({ a: 5 }), /puts a into 5/],
		['empty index', indexed({}), /no weight_map/],
		['index not JSON', { 'model.safetensors.index.json': '{' }, /not a JSON object/],
		['index without map', { 'model.safetensors.index.json': '{"weight_map":[]}' }, /no weight_map/],
		[
			'truncated shard',
			{ ...indexed(map), [second]: two.subarray(0, -1) },
			/model-00002-of-00002\.safetensors is truncated/
		]
	];
	test.each(cases)('%s', async (_, files, message) => {
		const failure = await open(files).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(InputError);
		expect((failure as Error).message).toMatch(message);
	});
});

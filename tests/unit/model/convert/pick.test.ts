import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../../../../src/lib/checkpoint/memory.ts';
import { findFolders, pickCheckpoint, subfolder } from '../../../../src/lib/model/convert/pick.ts';

const run = ['run/exp_config.yaml', 'run/config.json', 'run/last/config.json'];
const shards = ['run/last/pytorch_model-00001-of-00002.bin', 'run/last/pytorch_model.bin.index.json'];

describe('finding the checkpoint in a folder', () => {
	it('takes the folder with the weights, and a tokenizer wherever it lies', () => {
		expect(pickCheckpoint('run', [...run, ...shards])).toEqual({ path: 'run/last' });
		expect(pickCheckpoint('run', [...run, ...shards, 'tok/tokenizer.model'])).toEqual({
			path: 'run/last',
			tokenizer: 'tok'
		});
		expect(pickCheckpoint('last', ['config.json', 'model.safetensors', 'tokenizer.json'])).toEqual({
			path: '',
			tokenizer: ''
		});
	});

	it('takes an adapter before its base', () => {
		const paths = ['run/base/config.json', 'run/base/pytorch_model.bin', 'run/last/adapter_config.json'];
		expect(pickCheckpoint('run', paths).path).toBe('run/last');
	});

	it('asks for a choice among several, and for weights where there are none', () => {
		const two = ['a/config.json', 'a/model.safetensors', 'b/config.json', 'b/model.safetensors'];
		expect(() => pickCheckpoint('x', two)).toThrow('2 checkpoints (a, b');
		expect(() => pickCheckpoint('x', run)).toThrow('holds no checkpoint');
		expect(findFolders(['m/honeybee.json', 'm/config.json']).models).toEqual(['m']);
	});

	it('takes a projector alone, of which conversion says what is missing, only where nothing else is', () => {
		const alone = ['pretrain/config.json', 'pretrain/mm_projector.bin'];
		expect(pickCheckpoint('x', alone)).toEqual({ path: 'pretrain' });
		expect(pickCheckpoint('x', [...alone, ...run, ...shards])).toEqual({ path: 'run/last' });
		expect(findFolders(['a/mm_projector.bin', 'a/model.safetensors', 'a/config.json']).projectors).toEqual(
			[]
		);
	});

	it('gives a folder below another one', async () => {
		const folder = subfolder(memoryFolder('x', { 'a/b': 'c', 'ab/c': 'd' }), 'a');
		expect(await folder.list()).toEqual(['b']);
		expect((await folder.open('b'))?.size).toBe(1);
	});
});

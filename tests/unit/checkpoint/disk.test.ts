import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFile, openFolder } from '../../../src/cli/io/disk.ts';
import { openFolderSink } from '../../../src/cli/io/sink.ts';
import { blobSource, memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { text } from './build.ts';

let root = '';
beforeEach(async () => {
	root = await mkdtemp(join(tmpdir(), 'honeybee-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

test('ranges are the same from disk, memory and a Blob', async () => {
	await writeFile(join(root, 'f.bin'), bytes);
	const file = await openFile(join(root, 'f.bin'));
	const blocking = await openFile(join(root, 'f.bin'), { blocking: true });
	const sources = [file, blocking, memorySource('f.bin', bytes), blobSource('f.bin', new Blob([bytes]))];
	for (const source of sources) {
		expect([source.name, source.size]).toEqual(['f.bin', 100]);
		expect(await source.read(10, 20)).toEqual(bytes.slice(10, 20));
		expect(await source.read(100, 100)).toEqual(new Uint8Array(0));
		for (const [start, end] of [
			[90, 101],
			[-1, 5],
			[5, 4]
		] as const)
			await expect(source.read(start, end)).rejects.toThrow(RangeError);
	}
	await file.close();
	await blocking.close();
});

test('reads that block let a thread hear that it is to stop', async () => {
	await writeFile(join(root, 'f.bin'), bytes);
	const file = await openFile(join(root, 'f.bin'), { blocking: true });
	let stop = false;
	setTimeout(() => (stop = true), 5);
	while (!stop) await file.read(0, 100);
	await file.close();
});

describe('a folder on disk', () => {
	test('lists files below it and links to files; opens them by path', async () => {
		await mkdir(join(root, 'a/b'), { recursive: true });
		await writeFile(join(root, 'a/b/deep'), 'x');
		await writeFile(join(root, 'top'), 'yy');
		await symlink(join(root, 'top'), join(root, 'link'));
		await symlink(root, join(root, 'loop'));
		const folder = await openFolder(root);
		expect(await folder.list()).toEqual(['a/b/deep', 'link', 'top']);
		expect((await folder.open('a/b/deep'))?.size).toBe(1);
		expect(await (await folder.open('link'))?.read(0, 2)).toEqual(text('yy'));
		expect(await folder.open('nothing')).toBeUndefined();
		expect(await folder.open('a')).toBeUndefined();
		for (const path of ['../x', 'a/../../x', '..'])
			await expect(folder.open(path)).rejects.toThrow('is not a path inside');
		await folder.close();
	});

	test('a file that is asked for twice at a time is opened once', async () => {
		await writeFile(join(root, 'f'), 'x');
		const folder = await openFolder(root);
		const [a, b] = await Promise.all([folder.open('f'), folder.open('f')]);
		expect(a).toBe(b);
		await folder.close();
	});

	test('a file that was replaced is opened anew', async () => {
		await writeFile(join(root, 'f'), 'old');
		const folder = await openFolder(root);
		const before = await folder.open('f');
		expect(await folder.open('f')).toBe(before);
		await rm(join(root, 'f'));
		expect(await folder.open('f')).toBeUndefined();
		await writeFile(join(root, 'f'), 'newer');
		expect(await (await folder.open('f'))?.read(0, 5)).toEqual(text('newer'));
		await folder.close();
	});

	test('is refused when missing or a file', async () => {
		await expect(openFolder(join(root, 'no'))).rejects.toThrow(InputError);
		await writeFile(join(root, 'f'), '');
		await expect(openFolder(join(root, 'f'))).rejects.toThrow('is a file, not a folder');
		await expect(openFile(join(root, 'no'))).rejects.toThrow('There is no file');
	});
});

describe('a folder written into', () => {
	test('a file appears whole, under its name, when closed', async () => {
		const sink = await openFolderSink(join(root, 'out'));
		const writer = await sink.create('shard');
		await writer.write(bytes);
		await writer.write(bytes);
		expect(await sink.folder.open('shard')).toBeUndefined();
		await writer.close();
		expect((await sink.folder.open('shard'))?.size).toBe(200);
		expect(await readdir(join(root, 'out'))).toEqual(['shard']);
		await sink.remove('shard');
		expect(await sink.folder.list()).toEqual([]);
		await sink.close();
	});

	test('abort leaves the older file as it was', async () => {
		const sink = await openFolderSink(root);
		await writeFile(join(root, 'f'), 'old');
		const writer = await sink.create('f');
		await writer.write(bytes);
		await writer.abort();
		expect(await readdir(root)).toEqual(['f']);
		expect(await readFile(join(root, 'f'), 'utf8')).toBe('old');
		await sink.close();
	});

	test('failures are sentences', async () => {
		await writeFile(join(root, 'f'), '');
		await expect(openFolderSink(join(root, 'f'))).rejects.toThrow(/cannot be written: a file lies where/);
		const sink = await openFolderSink(root);
		await expect(sink.create('../g')).rejects.toThrow('is not a path inside');
		await mkdir(join(root, 'taken'));
		const writer = await sink.create('taken');
		await expect(writer.close()).rejects.toThrow(InputError);
		expect((await readdir(root)).sort()).toEqual(['f', 'taken']);
		await sink.close();
	});

	test('a full disk is a sentence, and nothing half-written is left', async ({ skip }) => {
		// /dev/full (Linux) answers every write with ENOSPC.
		const full = await readdir('/dev').then(
			(names) => names.includes('full'),
			() => false
		);
		if (!full) skip('this system has no /dev/full');
		await symlink('/dev/full', join(root, 'f.part'));
		const sink = await openFolderSink(root);
		const writer = await sink.create('f');
		await expect(writer.write(bytes)).rejects.toThrow(/the disk is full; free some space/);
		expect(await readdir(root)).toEqual([]);
		await sink.close();
	});
});

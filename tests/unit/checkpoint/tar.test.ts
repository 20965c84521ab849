import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { openTar, readTar, streamBytes } from '../../../src/lib/checkpoint/tar.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'honeybee-tar-'));
afterAll(() => rmSync(root, { recursive: true }));

const long = `run/${'a-long-folder-name/'.repeat(6)}last`;
mkdirSync(join(root, long), { recursive: true });
writeFileSync(join(root, 'run/config.json'), '{"a": 1}');
writeFileSync(join(root, long, 'model.bin'), Buffer.alloc(5000, 7));
writeFileSync(join(root, 'run/empty.json'), '');
symlinkSync('/etc/passwd', join(root, 'link'));

/** Packs with the system's tar. */
function pack(args: readonly string[]): Uint8Array {
	const file = join(root, 'packed.tar');
	execFileSync('tar', ['-C', root, '-cf', file, ...args]);
	return new Uint8Array(readFileSync(file));
}

describe('tar', () => {
	it.each(['gnu', 'pax', 'ustar'])('reads what tar writes in the format %s', async (format) => {
		const folder = await openTar(memorySource('x.tar', pack([`--format=${format}`, 'run'])));
		expect((await folder.list()).sort()).toEqual(
			['run/config.json', `${long}/model.bin`, 'run/empty.json'].sort()
		);
		const config = (await folder.open('run/config.json'))!;
		expect(new TextDecoder().decode(await config.read(0, config.size))).toBe('{"a": 1}');
		const model = (await folder.open(`${long}/model.bin`))!;
		expect(await model.read(4990, 5000)).toEqual(new Uint8Array(10).fill(7));
		await expect(model.read(4990, 5001)).rejects.toThrow(RangeError);
	});

	it('reads a stream in chunks of any size', async () => {
		const bytes = pack(['run']);
		for (const step of [1, 511, 513, 100_000]) {
			let at = 0;
			const stream = new ReadableStream<Uint8Array>({
				pull(controller) {
					if (at >= bytes.length) return controller.close();
					controller.enqueue(bytes.slice(at, (at += step)));
				}
			});
			const sizes: Record<string, number> = {};
			await readTar('x.tar', streamBytes(stream), async ({ path, size }, read) => {
				sizes[path] = 0;
				while (sizes[path] < size) sizes[path] += (await read(999)).length;
			});
			expect(sizes).toEqual({ 'run/config.json': 8, [`${long}/model.bin`]: 5000, 'run/empty.json': 0 });
		}
	});

	it('refuses links, paths that lead out, damage and two files of one name', async () => {
		const refused = async (bytes: Uint8Array, message: RegExp) => {
			const opened = openTar(memorySource('x.tar', bytes));
			await expect(opened).rejects.toThrow(InputError);
			await expect(opened).rejects.toThrow(message);
		};
		await refused(pack(['link']), /a link/);
		await refused(pack(['-P', '--transform', 's,^run,../run,', 'run/config.json']), /leads out/);
		await refused(pack(['-P', join(root, 'run/config.json')]), /leads out/);
		await refused(pack(['--hard-dereference', 'run/config.json', 'run/config.json']), /twice/);
		const damaged = pack(['run/config.json']);
		damaged[3]! ^= 1;
		await refused(damaged, /checksum/);
		await refused(pack(['run']).subarray(0, 2000), /cut off|too early|ends within/);
	});

	it('notices an end within what is passed over', async () => {
		const whole = pack([`${long}/model.bin`]);
		// 5000 bytes of the file, then 120 that fill up its last block, then two blank blocks.
		const end = whole.findLastIndex((byte) => byte === 7) + 1;
		const cut = new Blob([whole.slice(0, end - 512)]).stream();
		const passed = readTar('x.tar', streamBytes(cut), async () => undefined);
		await expect(passed).rejects.toThrow(InputError);
		await expect(passed).rejects.toThrow('x.tar is a damaged tar archive: it ends 632 bytes too early');
		const opened = openTar(memorySource('x.tar', whole.slice(0, end + 20)));
		await expect(opened).rejects.toThrow('x.tar is a damaged tar archive: it ends 100 bytes too early');
	});
});

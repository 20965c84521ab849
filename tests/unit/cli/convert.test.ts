import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	writeFileSync
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Terminal } from '../../../src/cli/command.ts';
import { convertCommand } from '../../../src/cli/convert.ts';
import { openCheckpointAt, type CheckpointLocation } from '../../../src/cli/conversion/input.ts';
import { openConversionThreads } from '../../../src/cli/conversion/threads.ts';
import { sha256 } from '../../../src/cli/io/hash.ts';
import { openFolderSink } from '../../../src/cli/io/sink.ts';
import { convert, type ConversionOptions } from '../../../src/lib/model/convert/convert.ts';
import { planConversion } from '../../../src/lib/model/convert/plan.ts';
import { openSources } from '../../../src/lib/model/convert/source.ts';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { tar } from '../../browser/convert/tar-writer.ts';
import { gzipSync } from 'node:zlib';
import { randomCheckpoint } from '../../support/random-checkpoint.ts';

let root: string;
let checkpoint: string;
let wanted: ModelManifest;

beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), 'honeybee-convert-'));
	checkpoint = join(root, 'run/last');
	await lay(checkpoint);
	wanted = await convertFolder(join(root, 'wanted'));
});
afterAll(() => rm(root, { recursive: true }));

/** A small random checkpoint on the disk. */
async function lay(folder: string, seed = 1): Promise<void> {
	mkdirSync(folder, { recursive: true });
	const files = randomCheckpoint(
		{ projector: { projector_type: 'c-abs', depth: 1, mlp_depth: 2, hidden_size: 32, num_query_tokens: 4 } },
		{ seed }
	);
	for (const path of await files.list()) {
		const source = (await files.open(path))!;
		writeFileSync(join(folder, path), await source.read(0, source.size));
	}
}

async function convertFolder(
	to: string,
	options: Partial<ConversionOptions> = {},
	location: CheckpointLocation = { kind: 'folder', path: checkpoint }
): Promise<ModelManifest> {
	const found = await openCheckpointAt(location);
	const sink = await openFolderSink(to);
	try {
		return await convert({
			checkpoint: found.checkpoint,
			resolve: found.resolve,
			sink,
			dtype: 'q4',
			name: 'test',
			createHash: sha256,
			...options
		});
	} finally {
		await found.close();
		await sink.close();
	}
}

/** What the command says; on a terminal. */
function listen(signal = new AbortController().signal) {
	const said = { notes: [] as string[], progress: [] as string[] };
	const terminal: Terminal = {
		write: () => undefined,
		note: (text) => void said.notes.push(text),
		warn: (text) => void said.notes.push(text),
		progress: (text) => void said.progress.push(text),
		signal
	};
	return { terminal, said };
}

const run = (args: readonly string[], terminal = listen().terminal) =>
	convertCommand.run([...args, '--dtype', 'q4', '--name', 'test'], terminal);

const manifestOf = (folder: string) =>
	JSON.parse(readFileSync(join(folder, 'honeybee.json'), 'utf8')) as ModelManifest;

function pack(name: string, ...flags: string[]): string {
	const archive = join(root, name);
	execFileSync('tar', ['-C', root, ...flags, '-cf', archive, 'run']);
	return archive;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
	const error = await promise.then(
		() => undefined,
		(reason: unknown) => reason
	);
	expect(error).toBeInstanceOf(InputError);
	return (error as InputError).message;
}

describe('in threads', () => {
	const setup = (to: string) => ({
		location: { kind: 'folder', path: checkpoint } as const,
		sink: to,
		dtype: 'q4' as const
	});

	it('gives the files that one thread gives', async () => {
		const to = join(root, 'threads');
		const threads = openConversionThreads(setup(to), 3);
		try {
			let done = 0;
			let total = 0;
			const manifest = await convertFolder(to, {
				threads,
				onProgress: (progress) => ({ done, total } = progress)
			});
			expect(manifest).toEqual(wanted);
			expect(done).toBe(total);
			// Once more: everything is there, and is compared.
			expect(await convertFolder(to, { threads })).toEqual(wanted);
		} finally {
			await threads.close();
		}
		for (const { path, sha256: hash } of wanted.files)
			expect(
				createHash('sha256')
					.update(readFileSync(join(to, path)))
					.digest('hex'),
				path
			).toBe(hash);
		expect(readdirSync(to).filter((file) => /part/.test(file))).toEqual([]);
	});

	it('interrupted: no half file stays, finished shards are kept, and the same conversion goes on with them', async () => {
		const to = join(root, 'interrupted');
		const abort = new AbortController();
		let threads = openConversionThreads(setup(to), 2);
		await expect(
			convertFolder(to, {
				threads,
				signal: abort.signal,
				// The journal is there once a shard is finished.
				onProgress: () => {
					if (existsSync(join(to, 'honeybee.partial.json'))) abort.abort();
				}
			})
		).rejects.toMatchObject({ name: 'AbortError' });
		await threads.close();
		const kept = readdirSync(to);
		expect(kept).toContain('honeybee.partial.json');
		expect(kept).not.toContain('honeybee.json');
		expect(kept.filter((file) => file.endsWith('.part'))).toEqual([]);
		const shards = kept.filter((file) => file.endsWith('.safetensors'));
		expect(shards.length).toBeGreaterThan(0);
		const before = shards.map((file) => statSync(join(to, file)).ino);
		threads = openConversionThreads(setup(to), 2);
		expect(await convertFolder(to, { threads })).toEqual(wanted);
		await threads.close();
		expect(shards.map((file) => statSync(join(to, file)).ino)).toEqual(before);
	});

	it('says what is wrong as one thread does', async () => {
		const other = join(root, 'other/last');
		await lay(other, 9);
		const to = join(root, 'threads');
		const location = { kind: 'folder', path: other } as const;
		const threads = openConversionThreads({ ...setup(to), location }, 2);
		try {
			expect(await refusal(convertFolder(to, { threads }, location))).toMatch(/with other weights than/);
		} finally {
			await threads.close();
		}
	});
});

it('scales and zero points alone are those of the whole matrix: another thread may have the packed values', async () => {
	const found = await openCheckpointAt({ kind: 'folder', path: checkpoint });
	const plan = async () =>
		planConversion(await openSources(found.checkpoint, found.resolve), { dtype: 'q4' }).shards.flatMap(
			({ entries }) => entries.flatMap(({ weight }) => weight ?? [])
		);
	const read = async (pieces: AsyncIterable<Uint8Array>) => {
		const hash = sha256();
		for await (const piece of pieces) hash.update(piece);
		return hash.digest();
	};
	const whole = new Map<string, string>();
	for (const weight of await plan()) whole.set(weight.name, await read(weight.pieces()));
	const sides = (await plan()).filter(({ name }) => /\.(scales|zero_points)$/.test(name));
	expect(sides.length).toBeGreaterThan(4);
	for (const weight of sides) expect(await read(weight.pieces()), weight.name).toBe(whole.get(weight.name));
	await found.close();
});

describe('archives', () => {
	it('reads a .tar as it is, in threads too', async () => {
		const archive = pack('run.tar');
		const to = join(root, 'from-tar');
		expect(await run([archive, to])).toBe(true);
		expect(manifestOf(to)).toEqual(wanted);
		expect(existsSync(`${to}.unpacked`)).toBe(false);
		const location = { kind: 'tar', path: archive } as const;
		const inThreads = join(root, 'from-tar-threads');
		const threads = openConversionThreads({ location, sink: inThreads, dtype: 'q4' }, 2);
		expect(await convertFolder(inThreads, { threads }, location)).toEqual(wanted);
		await threads.close();
	});

	it('unpacks a .tar.gz beside the target, says so, and removes it at the end', async () => {
		const archive = pack('run.tar.gz', '-z');
		const to = join(root, 'from-gz');
		const { terminal, said } = listen();
		expect(await run([archive, to], terminal)).toBe(true);
		expect(manifestOf(to)).toEqual(wanted);
		expect(said.notes[0]).toMatch(/run\.tar\.gz is unpacked to .*from-gz\.unpacked, which is removed/);
		expect(said.progress[0]).toMatch(/^unpacking .*: .* of /);
		expect(existsSync(`${to}.unpacked`)).toBe(false);
	});

	it('interrupted after unpacking: the same command does not unpack again', async () => {
		const archive = pack('again.tar.gz', '-z');
		const to = join(root, 'again');
		const abort = new AbortController();
		const first = listen(abort.signal);
		const stopping = {
			...first.terminal,
			progress: (text: string) => {
				if (text.startsWith('writing language')) abort.abort();
			}
		};
		await expect(run([archive, to], stopping)).rejects.toMatchObject({ name: 'AbortError' });
		expect(existsSync(join(`${to}.unpacked`, 'unpacked.json'))).toBe(true);
		const second = listen();
		expect(await run([archive, to], second.terminal)).toBe(true);
		expect(second.said.progress.filter((text) => text.startsWith('unpacking'))).toEqual([]);
		expect(manifestOf(to)).toEqual(wanted);
		expect(existsSync(`${to}.unpacked`)).toBe(false);
	});

	it('that are refused leave no folder behind, and what was there before', async () => {
		const empty = join(root, 'nothing-in-it');
		mkdirSync(empty, { recursive: true });
		expect(await refusal(run([empty, join(root, 'new/deep/model')]))).toMatch(/is empty/);
		expect(existsSync(join(root, 'new'))).toBe(false);
		const kept = join(root, 'kept');
		mkdirSync(kept);
		expect(await refusal(run([empty, join(kept, 'model')]))).toMatch(/is empty/);
		expect(readdirSync(kept)).toEqual([]);
		expect(await refusal(run([empty, kept]))).toMatch(/is empty/);
		expect(existsSync(kept)).toBe(true);
		writeFileSync(join(kept, 'mine.txt'), 'mine');
		expect(await refusal(run([empty, kept]))).toMatch(/is empty/);
		expect(readdirSync(kept)).toEqual(['mine.txt']);
	});

	describe('refuses, and leaves nothing', () => {
		const evil = new TextEncoder().encode('{}');
		const cases: [string, () => Uint8Array, RegExp][] = [
			['a path that leads out', () => tar([{ path: '../../evil.json', bytes: evil }]), /leads out/],
			['an absolute path', () => tar([{ path: '/tmp/evil.json', bytes: evil }]), /leads out/],
			[
				'a link',
				() => {
					const folder = join(root, 'linked');
					mkdirSync(folder, { recursive: true });
					if (!existsSync(join(folder, 'config.json')))
						symlinkSync('/etc/passwd', join(folder, 'config.json'));
					const file = join(root, 'linked.tar');
					execFileSync('tar', ['-C', root, '-cf', file, 'linked']);
					return new Uint8Array(readFileSync(file));
				},
				/a link, which is not followed/
			],
			[
				'a bomb',
				() => tar([{ path: 'last/model.bin', bytes: new Uint8Array(80 * 2 ** 20) }]),
				/unpacks to more than 100 times its size/
			],
			[
				'what is cut off',
				() => tar([{ path: 'last/config.json', bytes: evil }]).subarray(0, 513),
				/too early|is cut off within/
			],
			[
				'an archive of something else',
				() => tar([{ path: 'notes/x.json', bytes: evil }]),
				/holds no checkpoint/
			]
		];
		it.each(cases)('.tar.gz with %s', async (title, make, message) => {
			const archive = join(root, `${title.replaceAll(' ', '-')}.tar.gz`);
			writeFileSync(archive, gzipSync(make()));
			const to = join(root, basename(archive, '.tar.gz'));
			expect(await refusal(run([archive, to]))).toMatch(message);
			expect(existsSync(`${to}.unpacked`)).toBe(false);
			expect(existsSync(join(to, 'honeybee.json'))).toBe(false);
			expect(existsSync(join(root, '../evil.json'))).toBe(false);
		});

		it.each(cases.filter(([title]) => title !== 'a bomb'))('.tar with %s', async (title, make, message) => {
			const archive = join(root, `${title.replaceAll(' ', '-')}.tar`);
			writeFileSync(archive, make());
			expect(await refusal(run([archive, join(root, 'out-of-tar')]))).toMatch(message);
		});

		it('a .tar that ends within the padding of its last file', async () => {
			const archive = join(root, 'padding.tar');
			writeFileSync(archive, tar([{ path: 'last/config.json', bytes: evil }]).subarray(0, 700));
			expect(await refusal(run([archive, join(root, 'padding')]))).toMatch(/damaged tar archive/);
		});

		it('no gzip, or no file', async () => {
			const archive = join(root, 'no.tar.gz');
			writeFileSync(archive, 'no gzip');
			expect(await refusal(run([archive, join(root, 'no')]))).toMatch(/damaged or no gzip archive/);
			expect(await refusal(run([join(root, 'absent.tgz'), join(root, 'no')]))).toMatch(/There is no file/);
			expect(await refusal(run([join(root, 'absent.tar'), join(root, 'no')]))).toMatch(/There is no file/);
		});
	});
});

/**
 * Conversion against what reading the checkpoint and writing the model alone takes on the same disk, in turns in one run, and the
 * peak of memory. Each is a process of its own; both end when the bytes are on the disk, and begin with the checkpoint
 * outside of the system's cache where the system can be told so.
 *
 *   node tests/fullsize/measure.ts CHECKPOINT_DIR OUT_DIR [q4f16|q4|fp16|fp32] [ROUNDS]
 */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeConversion, type ConversionTimes } from '../../src/cli/bench/conversion.ts';
import { peakMemory } from '../../src/cli/bench/peak-memory.ts';
import { openCheckpointAt } from '../../src/cli/conversion/input.ts';
import { openConversionThreads } from '../../src/cli/conversion/threads.ts';
import { sha256 } from '../../src/cli/io/hash.ts';
import { openFolderSink } from '../../src/cli/io/sink.ts';
import { openCheckpoint } from '../../src/lib/checkpoint/folder.ts';
import { convert } from '../../src/lib/model/convert/convert.ts';
import { parseDType } from '../../src/lib/model/convert/dtypes.ts';
import type { DTypePreset } from '../../src/lib/model/manifest.ts';
import { bytesPerElement, elementCount } from '../../src/lib/tensor/tensor.ts';

interface Job {
	readonly kind: 'convert' | 'copy';
	readonly from: string;
	readonly to: string;
	readonly dtype: DTypePreset;
	/** Bytes to write. */
	readonly bytes: number;
}

interface Outcome {
	readonly ms: number;
	readonly peak?: number;
}

const sizeOf = (folder: string) =>
	readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

/** Tells the system to forget what it keeps of a folder's files. */
function forget(folder: string): boolean {
	return readdirSync(folder).every(
		(file) =>
			spawnSync('dd', [`if=${join(folder, file)}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' })
				.status === 0
	);
}

export async function measureConversion(
	from: string,
	to: string,
	dtype: DTypePreset,
	rounds: number,
	signal?: AbortSignal
): Promise<ConversionTimes> {
	const found = await openCheckpointAt({ kind: 'folder', path: from });
	const { entries } = await openCheckpoint(found.checkpoint);
	await found.close();
	const times: { convert_ms: number; copy_ms: number }[] = [];
	let peak: number | undefined;
	let model = 0;
	let cold = true;
	const run = async (kind: Job['kind']) => {
		cold = forget(from) && cold;
		return inChild({ kind, from, to, dtype, bytes: model }, signal);
	};
	for (let round = 0; round < rounds; round++) {
		await rm(to, { recursive: true, force: true });
		const converted = await run('convert');
		if (converted.peak !== undefined) peak = Math.max(peak ?? 0, converted.peak);
		model = sizeOf(to);
		await rm(to, { recursive: true });
		times.push({ convert_ms: converted.ms, copy_ms: (await run('copy')).ms });
	}
	await rm(to, { recursive: true });
	return {
		dtype,
		source: sizeOf(from),
		model,
		largest_tensor: Math.max(
			...[...entries.values()].map((entry) => elementCount(entry.dims) * bytesPerElement[entry.dtype])
		),
		rounds: times,
		...(peak !== undefined && { peak_memory: peak }),
		cold
	};
}

function inChild(job: Job, signal: AbortSignal | undefined): Promise<Outcome> {
	const args = [fileURLToPath(import.meta.url), '--job', JSON.stringify(job)];
	return new Promise((done, failed) => {
		const child = spawn(process.execPath, args, {
			stdio: ['ignore', 'pipe', 'inherit'],
			// The published program has no types to strip.
			env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'honeybee-compile-cache') },
			...(signal && { signal })
		});
		let output = '';
		child.stdout.on('data', (chunk) => (output += String(chunk)));
		child.on('error', failed);
		child.on('close', (code) =>
			code === 0
				? done(JSON.parse(output) as Outcome)
				: failed(new Error(`The ${job.kind === 'copy' ? 'copy' : 'conversion'} ended with code ${code}.`))
		);
	});
}

async function convertOnce({ from, to, dtype }: Job): Promise<Outcome> {
	const location = { kind: 'folder', path: from } as const;
	const began = performance.now();
	const { checkpoint, resolve, close } = await openCheckpointAt(location);
	const sink = await openFolderSink(to);
	const threads = openConversionThreads({ location, sink: to, dtype });
	await convert({ checkpoint, sink, dtype, name: 'measured', resolve, createHash: sha256, threads });
	const ms = performance.now() - began;
	const peak = peakMemory();
	for (const opened of [threads, sink, { close }]) await opened.close();
	return { ms, ...(peak !== undefined && { peak }) };
}

/** Reads all of the checkpoint, and writes as many bytes as the model has as the conversion does, while it reads on. */
async function copyOnce({ from, to, bytes }: Job): Promise<Outcome> {
	const block = 8 * 2 ** 20;
	const buffers = [new Uint8Array(block), new Uint8Array(block)] as const;
	const ratio = bytes / sizeOf(from);
	await mkdir(to, { recursive: true });
	const began = performance.now();
	const out = await (await openFolderSink(to)).create('copy');
	let turn = 0;
	let writing = Promise.resolve();
	for (const file of readdirSync(from)) {
		const handle = await open(join(from, file));
		for (;;) {
			const buffer = buffers[turn++ & 1]!;
			const { bytesRead } = await handle.read(buffer, 0, block);
			await writing;
			if (bytesRead === 0) break;
			// A model may be larger than its checkpoint.
			writing = (async () => {
				for (let left = Math.round(bytesRead * ratio); left > 0; left -= block)
					await out.write(buffer.subarray(0, Math.min(left, block)));
			})();
		}
		await handle.close();
	}
	await writing;
	await out.close();
	return { ms: performance.now() - began };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [from, to, type = 'q4f16', rounds = '3'] = process.argv.slice(2);
	if (from === '--job') {
		const job = JSON.parse(to ?? '') as Job;
		console.log(JSON.stringify(await (job.kind === 'convert' ? convertOnce : copyOnce)(job)));
	} else if (from === undefined || to === undefined)
		throw new Error('node tests/fullsize/measure.ts CHECKPOINT_DIR OUT_DIR [TYPE] [ROUNDS]');
	else console.log(describeConversion(await measureConversion(from, to, parseDType(type), Number(rounds))));
}

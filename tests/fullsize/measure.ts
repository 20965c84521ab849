/**
 * Conversion against what reading the checkpoint and writing the model alone takes on the same disk, in one run, and the peak of
 * memory. Each is a process of its own.
 *
 *   node tests/fullsize/measure.ts CHECKPOINT_DIR OUT_DIR [q4f16|q4|fp16|fp32]
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { peakMemory } from '../../src/cli/bench/peak-memory.ts';
import { sha256 } from '../../src/cli/io/hash.ts';
import { openFolder } from '../../src/cli/io/disk.ts';
import { openFolderSink } from '../../src/cli/io/sink.ts';
import { convert } from '../../src/lib/model/convert/convert.ts';
import { parseDType } from '../../src/lib/model/convert/dtypes.ts';

const [from, to, type = 'q4f16', job] = process.argv.slice(2);
if (from === undefined || to === undefined)
	throw new Error('node tests/fullsize/measure.ts CHECKPOINT_DIR OUT_DIR [TYPE]');

const sizeOf = (folder: string) =>
	readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

if (job === 'convert') {
	const checkpoint = await openFolder(from);
	const sink = await openFolderSink(to);
	const began = performance.now();
	await convert({
		checkpoint,
		sink,
		dtype: parseDType(type),
		name: 'measured',
		resolve: async () => undefined,
		createHash: sha256
	});
	console.log(JSON.stringify({ ms: performance.now() - began, peak: peakMemory() }));
} else if (job?.startsWith('copy:')) {
	// As many bytes as the model has are written while all of the checkpoint is read.
	const bytes = Number(job.slice(5));
	const began = performance.now();
	const out = await open(join(to, 'copy.tmp'), 'w');
	const ratio = bytes / sizeOf(from);
	for (const file of readdirSync(from))
		for await (const chunk of createReadStream(join(from, file), { highWaterMark: 2 ** 24 }))
			await out.write(
				chunk as Buffer,
				0,
				Math.min((chunk as Buffer).length, Math.floor((chunk as Buffer).length * ratio))
			);
	await out.close();
	const ms = performance.now() - began;
	await rm(join(to, 'copy.tmp'));
	console.log(JSON.stringify({ ms }));
} else {
	const run = (what: string) => {
		const { stdout } = spawnSync(process.execPath, [process.argv[1]!, from, to, type, what], {
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'inherit']
		});
		return JSON.parse(stdout) as { ms: number; peak?: number };
	};
	const converted = run('convert');
	const source = sizeOf(from);
	const copied = run(`copy:${sizeOf(to)}`);
	const rate = (ms: number) => `${(source / 1e6 / (ms / 1000)).toFixed(0)} MB/s`;
	console.log(`source ${(source / 1e6).toFixed(0)} MB → ${type} ${(sizeOf(to) / 1e6).toFixed(0)} MB`);
	console.log(`conversion ${(converted.ms / 1000).toFixed(1)} s (${rate(converted.ms)})`);
	console.log(`reading and writing alone ${(copied.ms / 1000).toFixed(1)} s (${rate(copied.ms)})`);
	console.log(
		`share ${((copied.ms / converted.ms) * 100).toFixed(0)} %, peak memory ${((converted.peak ?? 0) / 2 ** 20).toFixed(0)} MiB`
	);
}

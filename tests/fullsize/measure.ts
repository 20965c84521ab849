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
import { convertCommand } from '../../src/cli/convert.ts';

const [from, to, type = 'q4f16', job] = process.argv.slice(2);
if (from === undefined || to === undefined)
	throw new Error('node tests/fullsize/measure.ts CHECKPOINT_DIR OUT_DIR [TYPE]');

const sizeOf = (folder: string) =>
	readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

/** Of all threads. On a busy machine this is what two runs can be compared by. */
const processorSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;

if (job === 'convert') {
	const began = performance.now();
	const silent = () => undefined;
	await convertCommand.run([from, to, '--dtype', type], {
		write: silent,
		progress: silent,
		note: silent,
		signal: new AbortController().signal
	});
	console.log(
		JSON.stringify({ ms: performance.now() - began, seconds: processorSeconds(), peak: peakMemory() })
	);
} else if (job?.startsWith('copy:')) {
	// As many bytes as the model has are written while all of the checkpoint is read.
	const bytes = Number(job.slice(5));
	const began = performance.now();
	const out = await open(join(to, 'copy.tmp'), 'w');
	const ratio = bytes / sizeOf(from);
	let owed = 0;
	for (const file of readdirSync(from))
		for await (const chunk of createReadStream(join(from, file), { highWaterMark: 2 ** 24 }))
			for (owed += (chunk as Buffer).length * ratio; owed >= 1;) {
				const { bytesWritten } = await out.write(
					chunk as Buffer,
					0,
					Math.min((chunk as Buffer).length, Math.floor(owed))
				);
				owed -= bytesWritten;
			}
	await out.close();
	const ms = performance.now() - began;
	const seconds = processorSeconds();
	await rm(join(to, 'copy.tmp'));
	console.log(JSON.stringify({ ms, seconds }));
} else {
	const run = (what: string) => {
		const { stdout } = spawnSync(process.execPath, [process.argv[1]!, from, to, type, what], {
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'inherit']
		});
		return JSON.parse(stdout) as { ms: number; seconds: number; peak?: number };
	};
	const converted = run('convert');
	const source = sizeOf(from);
	const copied = run(`copy:${sizeOf(to)}`);
	const line = ({ ms, seconds }: typeof converted) =>
		`${(ms / 1000).toFixed(1)} s (${(source / 1e3 / ms).toFixed(0)} MB/s), ${seconds.toFixed(1)} s of processor time`;
	console.log(`source ${(source / 1e6).toFixed(0)} MB → ${type} ${(sizeOf(to) / 1e6).toFixed(0)} MB`);
	console.log(`conversion ${line(converted)}`);
	console.log(`reading and writing alone ${line(copied)}`);
	console.log(
		`share ${((copied.ms / converted.ms) * 100).toFixed(0)} %, peak memory ${((converted.peak ?? 0) / 2 ** 20).toFixed(0)} MiB`
	);
}

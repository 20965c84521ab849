import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversionTimes } from '../../src/cli/bench/conversion.ts';
import type { Terminal } from '../../src/cli/command.ts';
import { measureConversion } from '../fullsize/measure.ts';
import { writeOfficialCheckpoint } from '../fullsize/write.ts';

/** Quarter of the official widths: 0.9 GB of bfloat16 in two shards. */
const DIVIDE = 4;
const ROUNDS = 3;

/** A checkpoint in upstream's layout converted on this disk, against reading it and writing the model alone. */
export async function conversions(
	_model: string,
	terminal: Terminal
): Promise<{ readonly conversions: readonly ConversionTimes[] }> {
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-bench-convert-'));
	try {
		terminal.progress('a checkpoint to convert …');
		const checkpoint = join(folder, 'last');
		await writeOfficialCheckpoint(checkpoint, 'c-abs', DIVIDE);
		const times: ConversionTimes[] = [];
		for (const dtype of ['q4f16', 'fp16'] as const) {
			terminal.progress(`conversion to ${dtype} and copying, in turns …`);
			times.push(await measureConversion(checkpoint, join(folder, 'model'), dtype, ROUNDS, terminal.signal));
		}
		return { conversions: times };
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

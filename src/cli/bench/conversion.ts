import { median } from '../../lib/analysis/statistics.ts';
import { megabytes } from '../../lib/bytes/sizes.ts';
import type { DTypePreset } from '../../lib/model/manifest.ts';

/** Conversion against reading and writing alone, in turns; bytes and milliseconds. */
export interface ConversionTimes {
	readonly dtype: DTypePreset;
	readonly source: number;
	readonly model: number;
	/** Largest tensor as the checkpoint has it. */
	readonly largest_tensor: number;
	/** One entry for each round. */
	readonly rounds: readonly { readonly convert_ms: number; readonly copy_ms: number }[];
	readonly peak_memory?: number;
	/** Whether the checkpoint was read from the disk itself. */
	readonly cold: boolean;
}

/** The times in words: medians over the rounds. */
export function describeConversion(times: ConversionTimes): string {
	const { dtype, source, model, rounds, peak_memory, largest_tensor, cold } = times;
	const rate = (ms: number) => `${(source / 1e6 / (ms / 1000)).toFixed(0)} MB/s`;
	const shares = rounds.map(({ convert_ms, copy_ms }) => (100 * copy_ms) / convert_ms);
	return [
		`${megabytes(source)} → ${dtype} ${megabytes(model)}: conversion ${rate(median(rounds.map((r) => r.convert_ms)))}`,
		`reading and writing alone ${rate(median(rounds.map((r) => r.copy_ms)))}${cold ? '' : ' (checkpoint in the cache)'}`,
		`share ${median(shares).toFixed(0)} % (${shares.map((share) => share.toFixed(0)).join(', ')})`,
		...(peak_memory === undefined
			? []
			: [`peak memory ${megabytes(peak_memory)}, largest tensor ${megabytes(largest_tensor)}`])
	].join('; ');
}

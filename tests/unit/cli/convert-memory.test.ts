import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { measureConversion } from '../../fullsize/measure.ts';
import { writeOfficialCheckpoint } from '../../fullsize/write.ts';

/** What Node, its threads and their buffers need, whatever the checkpoint. */
const FIXED = 350e6;

it('memory of a conversion in threads stays near the largest tensor, not the checkpoint’s or the model’s size', async () => {
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-memory-'));
	try {
		const checkpoint = join(folder, 'last');
		await writeOfficialCheckpoint(checkpoint, 'c-abs', 8);
		const times = await measureConversion(checkpoint, join(folder, 'model'), 'fp32', 1);
		// Otherwise this would say nothing.
		expect(times.source + times.model).toBeGreaterThan(1.5 * FIXED);
		expect(times.peak_memory ?? 0).toBeLessThan(2 * times.largest_tensor + FIXED);
	} finally {
		await rm(folder, { recursive: true });
	}
}, 180_000);

/**
 * Conversion in Chromium with one and with several threads, against what reading the checkpoint and writing as many bytes into the
 * browser's storage alone takes, in turns in one run; with the processor time of all of the browser's processes, which other work on
 * the machine changes little.
 *
 *   node tests/fullsize/browser-conversion.ts [q4f16|q4|fp16|fp32] [ROUNDS] [DIVIDE] [THREADS,…]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { readdirSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { median } from '../../src/lib/analysis/statistics.ts';
import { parseDType } from '../../src/lib/model/convert/dtypes.ts';
import { peakOf } from '../support/measured-page.ts';
import { buildConvertPage, onConvertPage } from './on-convert-page.ts';
import { writeOfficialCheckpoint } from './write.ts';

/** Seconds that the browser's processes have computed. */
async function processorTime(browser: Browser): Promise<number> {
	const session = await browser.newBrowserCDPSession();
	const { processInfo } = await session.send('SystemInfo.getProcessInfo');
	return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

const [type = 'q4f16', rounds = '3', divide = '8', threads = '0,3'] = process.argv.slice(2);
const dtype = parseDType(type);
const counts = threads.split(',');
const folder = await mkdtemp(join(tmpdir(), 'honeybee-convert-page-'));
try {
	const checkpoint = join(folder, 'last');
	await writeOfficialCheckpoint(checkpoint, 'c-abs', Number(divide));
	const source = readdirSync(checkpoint).reduce(
		(sum, file) => sum + statSync(join(checkpoint, file)).size,
		0
	);
	const site = join(folder, 'page');
	await buildConvertPage(site);
	const runs = new Map([...counts, 'copy'].map((what) => [what, [] as { ms: number; cpu: number }[]]));
	let bytes = 0;
	const peaks = new Map<string, number>();
	for (let round = 0; round < Number(rounds); round++)
		for (const [what, times] of runs) {
			const profile = join(folder, `profile-${round}-${what}`);
			await onConvertPage({ site, profile, checkpoint }, async (page, browser) => {
				const before = await processorTime(browser);
				let ms: number;
				if (what === 'copy') ms = await page.evaluate((size) => window.measures.copy(size), bytes);
				else
					({ ms, bytes } = await page.evaluate((given) => window.measures.convert(given.dtype, given.what), {
						dtype,
						what
					}));
				times.push({ ms, cpu: (await processorTime(browser)) - before });
				const peak = await peakOf(browser);
				if (peak !== undefined) peaks.set(what, Math.max(peak, peaks.get(what) ?? 0));
			});
		}
	const mb = (size: number) => `${(size / 1e6).toFixed(0)} MB`;
	console.log(`${mb(source)} → ${dtype} ${mb(bytes)}, ${availableParallelism()} cores`);
	for (const [what, times] of runs) {
		const rate = `${mb(source / (median(times.map(({ ms }) => ms)) / 1000))}/s`;
		const each = times.map(({ ms }) => `${(ms / 1000).toFixed(2)} s`).join(', ');
		const cpu = `${median(times.map((time) => time.cpu)).toFixed(2)} s of processor time`;
		const peak = peaks.get(what);
		const memory = peak === undefined ? '' : `; peak memory ${mb(peak)}`;
		const name =
			what === 'copy' ? 'reading and writing alone' : what === '0' ? 'one worker' : `${what} threads`;
		console.log(`${name}: ${rate} (${each}); ${cpu}${memory}`);
	}
} finally {
	await rm(folder, { recursive: true, force: true });
}

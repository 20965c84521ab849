/**
 * Conversion in Chromium with one and with several threads, against what reading the checkpoint and writing as many bytes into the
 * browser's storage alone takes, in turns in one run.
 *
 *   node tests/fullsize/browser-conversion.ts [q4f16|q4|fp16|fp32] [ROUNDS] [DIVIDE] [THREADS,…]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { readdirSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { build } from 'vite';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { median } from '../../src/cli/bench/median.ts';
import { parseDType } from '../../src/lib/model/convert/dtypes.ts';
import { peakOf, served } from '../support/measured-page.ts';
import type {} from './convert-page/main.ts';
import { writeOfficialCheckpoint } from './write.ts';

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
	await build({
		root: join(import.meta.dirname, 'convert-page'),
		configFile: false,
		logLevel: 'error',
		publicDir: false,
		worker: { format: 'es' },
		build: { outDir: join(folder, 'page'), emptyOutDir: true, target: 'esnext' }
	});
	const ms = new Map([...counts, 'copy'].map((what) => [what, [] as number[]]));
	let bytes = 0;
	const peaks = new Map<string, number>();
	await served(join(folder, 'page'), async (address) => {
		for (let round = 0; round < Number(rounds); round++)
			for (const what of ms.keys()) {
				const browser = await chromium.launchPersistentContext(join(folder, `profile-${round}-${what}`), {
					executablePath: await ensureChromium(),
					args: chromiumArgs
				});
				try {
					const page = await browser.newPage();
					await page.goto(address);
					await page.waitForFunction(() => 'measures' in window);
					await page.locator('input').setInputFiles(checkpoint);
					if (what === 'copy')
						ms.get(what)!.push(await page.evaluate((size) => window.measures.copy(size), bytes));
					else {
						const result = await page.evaluate((given) => window.measures.convert(given.dtype, given.what), {
							dtype,
							what
						});
						ms.get(what)!.push(result.ms);
						bytes = result.bytes;
						const peak = browser.browser() && (await peakOf(browser.browser()!));
						if (peak) peaks.set(what, Math.max(peak, peaks.get(what) ?? 0));
					}
				} finally {
					await browser.close();
				}
			}
	});
	const mb = (size: number) => `${(size / 1e6).toFixed(0)} MB`;
	console.log(`${mb(source)} → ${dtype} ${mb(bytes)}, ${availableParallelism()} cores`);
	for (const [what, times] of ms) {
		const rate = `${mb(source / (median(times) / 1000))}/s`;
		const peak = peaks.get(what);
		const memory = peak === undefined ? '' : `; peak memory ${mb(peak)}`;
		const each = times.map((time) => `${(time / 1000).toFixed(2)} s`).join(', ');
		const name =
			what === 'copy' ? 'reading and writing alone' : what === '0' ? 'one worker' : `${what} threads`;
		console.log(`${name}: ${rate} (${each})${memory}`);
	}
} finally {
	await rm(folder, { recursive: true, force: true });
}

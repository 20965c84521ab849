import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import type { Extension } from '../../src/cli/bench/bench.ts';
import type { FigureTime, MapTime } from '../../src/cli/bench/views.ts';
import { buildMeasuredPage, served } from '../support/measured-page.ts';
import { hasHardwareAdapter } from './turns.ts';

/** What the pages wait for: maps of all visual tokens in the worker, and drawing and pointing at 256 × 256 values. */
export async function views(...[model, terminal]: Parameters<Extension>) {
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-bench-views-'));
	const maps: MapTime[] = [];
	const figures: FigureTime[] = [];
	const missing: string[] = [];
	const browser = await chromium.launch({ executablePath: await ensureChromium(), args: chromiumArgs });
	try {
		await buildMeasuredPage(join(import.meta.dirname, 'views'), model, folder);
		await served(folder, async (address) => {
			const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
			await page.goto(address);
			await page.waitForFunction(() => 'measureFigures' in window);
			terminal.progress('figures of 256 × 256 values …');
			figures.push(...(await page.evaluate(() => window.measureFigures())));
			for (const backend of ['wasm', 'webgpu'] as const) {
				// On a software adapter they take minutes and mean nothing.
				if (backend === 'webgpu' && !(await hasHardwareAdapter(page))) {
					missing.push(`maps on ${backend}: the browser has no adapter but software.`);
					continue;
				}
				terminal.progress(`maps of all visual tokens on ${backend} …`);
				try {
					maps.push(...(await page.evaluate((name) => window.measureMaps(name), backend)));
				} catch (error) {
					const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
					missing.push(`maps on ${backend}: ${reason}`);
				}
			}
		});
	} finally {
		await browser.close();
		await rm(folder, { recursive: true, force: true });
	}
	return { views: { maps, figures }, missing };
}

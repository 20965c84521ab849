import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { build } from 'vite';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { serve } from '../../scripts/serve.mjs';
import type { Extension } from '../../src/cli/bench/bench.ts';
import type { FigureTime, MapTime } from '../../src/cli/bench/views.ts';
import { benchImage } from '../../src/cli/bench/whole-model.ts';

/** What the pages wait for: maps of all visual tokens in the worker, and drawing and pointing at 256 × 256 values. */
export async function views(...[model, terminal]: Parameters<Extension>) {
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-bench-views-'));
	const maps: MapTime[] = [];
	const figures: FigureTime[] = [];
	const missing: string[] = [];
	const browser = await chromium.launch({ executablePath: await ensureChromium(), args: chromiumArgs });
	try {
		await build({
			root: join(import.meta.dirname, 'views'),
			configFile: false,
			logLevel: 'error',
			publicDir: false,
			worker: { format: 'es' },
			build: { outDir: folder, emptyOutDir: true, target: 'esnext' }
		});
		await symlink(model, join(folder, 'model'));
		await writeFile(join(folder, 'bench.png'), (await benchImage()).bytes);
		const server = await serve({ folder, port: 0, host: '127.0.0.1' });
		const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
		try {
			await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
			await page.waitForFunction(() => 'measureFigures' in window);
			terminal.progress('figures of 256 × 256 values …');
			figures.push(...(await page.evaluate(() => window.measureFigures())));
			for (const backend of ['wasm', 'webgpu'] as const) {
				terminal.progress(`maps of all visual tokens on ${backend} …`);
				try {
					maps.push(...(await page.evaluate((name) => window.measureMaps(name), backend)));
				} catch (error) {
					const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
					missing.push(`maps on ${backend}: ${reason}`);
				}
			}
		} finally {
			server.closeAllConnections();
			server.close();
		}
	} finally {
		await browser.close();
		await rm(folder, { recursive: true, force: true });
	}
	return { views: { maps, figures }, missing };
}

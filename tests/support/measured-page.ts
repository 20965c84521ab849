import { symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { build } from 'vite';
import { serve } from '../../scripts/serve.mjs';
import { peakMemory } from '../../src/cli/bench/peak-memory.ts';
import { benchImage } from '../../src/cli/bench/whole-model.ts';

/**
 * Builds a page that measures into `folder`, with what it loads: the model as `model/`, the picture as `bench.png`.
 * @param source folder of its index.html
 * @param model model folder
 */
export async function buildMeasuredPage(source: string, model: string, folder: string): Promise<void> {
	await buildPage(source, folder);
	await symlink(model, join(folder, 'model'));
	await writeFile(join(folder, 'bench.png'), (await benchImage()).bytes);
}

/** Builds the page whose index.html lies in `source` into `folder`. */
export async function buildPage(source: string, folder: string): Promise<void> {
	await build({
		root: source,
		configFile: false,
		logLevel: 'error',
		publicDir: false,
		worker: { format: 'es' },
		build: { outDir: folder, emptyOutDir: true, target: 'esnext' }
	});
}

/** Serves a folder on a free port while `use` runs. */
export async function served<T>(folder: string, use: (address: string) => Promise<T>): Promise<T> {
	const server = await serve({ folder, port: 0, host: '127.0.0.1' });
	try {
		return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
	} finally {
		server.closeAllConnections();
		server.close();
	}
}

/** Sum of the peaks of the page's and the GPU's process, bytes; undefined where the system does not tell them. */
export async function peakOf(browser: Browser): Promise<number | undefined> {
	const session = await browser.newBrowserCDPSession();
	const { processInfo } = await session.send('SystemInfo.getProcessInfo');
	const peaks = processInfo
		.filter(({ type }) => type === 'renderer' || type === 'GPU')
		.map(({ id }) => peakMemory(id))
		.filter((peak) => peak !== undefined);
	return peaks.length > 0 ? peaks.reduce((sum, peak) => sum + peak, 0) : undefined;
}

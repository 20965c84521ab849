import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { chromium, type Browser } from 'playwright';
import { build } from 'vite';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { serve } from '../../scripts/serve.mjs';
import { build as buildWorkbench } from '../../scripts/setup.mjs';
import type { AnswersResult } from '../../src/cli/bench/answers.ts';
import type { Extension } from '../../src/cli/bench/bench.ts';
import { peakMemory } from '../../src/cli/bench/peak-memory.ts';
import { benchImage } from '../../src/cli/bench/whole-model.ts';

const root = resolve(import.meta.dirname, '../..');
const backends = ['wasm', 'webgpu'] as const;

/** WASM and WebGPU in Chromium through the worker, and the workbench as it opens. */
export const browsers: Extension = async (model, terminal) => {
	const executablePath = await ensureChromium();
	const launch = { executablePath, args: chromiumArgs };
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-bench-'));
	const answers: AnswersResult[] = [];
	const missing: string[] = [];
	try {
		terminal.progress('building the benchmark page …');
		await build({
			root: join(import.meta.dirname, 'page'),
			configFile: false,
			logLevel: 'error',
			publicDir: false,
			worker: { format: 'es' },
			build: { outDir: folder, emptyOutDir: true, target: 'esnext' }
		});
		await symlink(model, join(folder, 'model'));
		await writeFile(join(folder, 'bench.png'), (await benchImage()).bytes);
		await served(folder, async (address) => {
			for (const backend of backends) {
				terminal.progress(`whole model on ${backend} …`);
				// A browser for each, so that its peak memory is that of one backend.
				const browser = await chromium.launch(launch);
				try {
					const page = await browser.newPage();
					await page.goto(address);
					await page.waitForFunction(() => 'measure' in window);
					const result = await page.evaluate((name) => window.measure(name), backend);
					answers.push({ ...result, ...(await peakOf(browser)) });
				} catch (error) {
					missing.push(`${backend}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
				} finally {
					await browser.close();
				}
			}
		});
		if (basename(model) !== 'honeybee-mini') return { answers, missing };
		terminal.progress('the workbench, opened with a warm cache …');
		return { answers, missing, page_first_answer_ms: await firstAnswer(launch, folder) };
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
};

/** From opening the built workbench, second visit of a browser profile, to the first word of an answer. */
async function firstAnswer(launch: Parameters<typeof chromium.launch>[0], folder: string): Promise<number> {
	await buildWorkbench();
	return served(join(root, 'build'), async (address) => {
		const context = await chromium.launchPersistentContext(join(folder, 'profile'), launch);
		let elapsed = 0;
		try {
			for (let visit = 0; visit < 2; visit++) {
				const page = await context.newPage();
				const begin = performance.now();
				await page.goto(address);
				const question = page.getByRole('textbox', { name: 'Question' });
				await question.fill('What color is the background?');
				const ask = page.getByRole('button', { name: 'Ask', exact: true });
				await ask.click({ timeout: 120_000 });
				const text = page.getByRole('group', { name: 'Answer' }).first().locator('.text');
				await text.filter({ hasText: /\S/ }).waitFor({ timeout: 120_000 });
				elapsed = performance.now() - begin;
				await page.close();
			}
		} finally {
			await context.close();
		}
		return elapsed;
	});
}

/** Serves a folder on a free port while `use` runs. */
async function served<T>(folder: string, use: (address: string) => Promise<T>): Promise<T> {
	const server = await serve({ folder, port: 0, host: '127.0.0.1' });
	try {
		return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
	} finally {
		server.closeAllConnections();
		server.close();
	}
}

/** Sum of the peaks of the page's and the GPU's process, where the system tells them. */
async function peakOf(browser: Browser): Promise<{ peak_memory?: number }> {
	const session = await browser.newBrowserCDPSession();
	const { processInfo } = await session.send('SystemInfo.getProcessInfo');
	const peaks = processInfo
		.filter(({ type }) => type === 'renderer' || type === 'GPU')
		.map(({ id }) => peakMemory(id))
		.filter((peak) => peak !== undefined);
	return peaks.length ? { peak_memory: peaks.reduce((sum, peak) => sum + peak, 0) } : {};
}

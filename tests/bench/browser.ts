import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { chromium, type Page } from 'playwright';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { build as buildWorkbench } from '../../scripts/setup.mjs';
import type { AnswersResult } from '../../src/cli/bench/answers.ts';
import type { Extension } from '../../src/cli/bench/bench.ts';
import { buildMeasuredPage, peakOf, served } from '../support/measured-page.ts';

const root = resolve(import.meta.dirname, '../..');
const backends = ['wasm', 'webgpu'] as const;
/** Larger than a processor's caches, small enough for a software adapter. */
const BANDWIDTH_BYTES = 2 ** 26;

/** WASM and WebGPU in Chromium through the worker, and the workbench as it opens. */
export const browsers: Extension = async (model, terminal) => {
	const executablePath = await ensureChromium();
	const launch = { executablePath, args: chromiumArgs };
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-bench-'));
	const answers: AnswersResult[] = [];
	const missing: string[] = [];
	let webgpu_bandwidth: number | undefined;
	try {
		terminal.progress('building the benchmark page …');
		await buildMeasuredPage(join(import.meta.dirname, 'page'), model, folder);
		await served(folder, async (address) => {
			for (const backend of backends) {
				terminal.progress(`whole model on ${backend} …`);
				// A browser for each, so that its peak memory is that of one backend.
				const browser = await chromium.launch(launch);
				try {
					const page = await browser.newPage();
					const dispatches = countDispatches(page);
					await page.goto(address);
					await page.waitForFunction(() => 'measure' in window);
					const result = await page.evaluate((name) => window.measure(name), backend);
					const peak_memory = await peakOf(browser);
					const gpu = backend === 'webgpu' && { dispatches_per_token: await perToken(page, dispatches) };
					answers.push({ ...result, ...(peak_memory !== undefined && { peak_memory }), ...gpu });
					if (gpu)
						webgpu_bandwidth = await page.evaluate((bytes) => window.readBandwidth(bytes), BANDWIDTH_BYTES);
				} catch (error) {
					missing.push(
						`${backend}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`
					);
				} finally {
					await browser.close();
				}
			}
		});
		const measured = { answers, missing, ...(webgpu_bandwidth !== undefined && { webgpu_bandwidth }) };
		if (basename(model) !== 'honeybee-mini') return measured;
		terminal.progress('the workbench, opened with a warm cache …');
		return { ...measured, page_first_answer_ms: await firstAnswer(launch, folder) };
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
};

/** Counts the kernels that the page's workers give the GPU. Call it before the page opens. @returns how many there were so far */
function countDispatches(page: Page): () => Promise<number> {
	page.on('worker', (worker) => {
		void worker.evaluate(() => {
			const scope = globalThis as typeof globalThis & { dispatches?: number };
			scope.dispatches = 0;
			for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'] as const) {
				const prototype = GPUComputePassEncoder.prototype as unknown as Record<
					string,
					(...args: unknown[]) => void
				>;
				const given = prototype[name]!;
				prototype[name] = function (...args) {
					scope.dispatches!++;
					given.apply(this, args);
				};
			}
		});
	});
	return async () => {
		const counts = await Promise.all(
			page
				.workers()
				.map((worker) => worker.evaluate(() => (globalThis as { dispatches?: number }).dispatches ?? 0))
		);
		return counts.reduce((sum, count) => sum + count, 0);
	};
}

/** Two answers to one question, whose prompts are in the cache, differ by decoded tokens alone. */
async function perToken(page: Page, dispatches: () => Promise<number>): Promise<number> {
	const runs: { tokens: number; dispatches: number }[] = [];
	for (const limit of [2, 2, 10]) {
		const before = await dispatches();
		const tokens = await page.evaluate((most) => window.decode(most), limit);
		runs.push({ tokens, dispatches: (await dispatches()) - before });
	}
	const [, short, long] = runs;
	return (long!.dispatches - short!.dispatches) / (long!.tokens - short!.tokens);
}

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

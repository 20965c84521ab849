/** What the benches that compare runtimes share: subjects in turns, a browser for each measurement, the machine and the versions. */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { chromium, type Page } from 'playwright';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { sentence } from '../../src/lib/bytes/sentence.ts';
import { peakOf, served } from '../support/measured-page.ts';

const root = resolve(import.meta.dirname, '../..');
/** Longest that one page may take, milliseconds. */
const PATIENCE = 1_800_000;

export function progress(text: string): void {
	process.stderr.write(`${text}\n`);
}

/** Gives `work` a folder of its own, which is taken away at the end, also when the bench is interrupted. */
export async function inScratch(name: string, work: (folder: string) => Promise<void>): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), `honeybee-bench-${name}-`));
	const interrupted = () => {
		rmSync(folder, { recursive: true, force: true });
		process.exit(130);
	};
	process.once('SIGINT', interrupted);
	try {
		await work(folder);
	} finally {
		process.off('SIGINT', interrupted);
		await rm(folder, { recursive: true, force: true });
	}
}

/** What is measured, beside others. */
export interface Subject<Run> {
	readonly name: string;
	readonly measure: (round: number) => Promise<Run>;
}

/** Those whose names have one of the parts in them, which commas separate; all where none is asked for. */
export function chosenOf<S extends Pick<Subject<unknown>, 'name'>>(all: readonly S[], only?: string): S[] {
	const parts = only?.split(',');
	return all.filter(({ name }) => !parts || parts.some((part) => name.includes(part)));
}

/**
 * Round after round of all subjects, so that whatever else the machine does falls on each of them.
 * @param missing gets a sentence for each that failed; it is left out from then on
 * @returns the runs of those that were measured in every round
 */
export async function inTurns<Run>(
	subjects: readonly Subject<Run>[],
	rounds: number,
	missing: string[]
): Promise<Map<string, Run[]>> {
	const runs = new Map<string, Run[]>(subjects.map(({ name }) => [name, []]));
	for (let round = 0; round < rounds; round++)
		for (const { name, measure } of subjects) {
			const own = runs.get(name);
			if (!own) continue;
			progress(`round ${round + 1} of ${rounds}: ${name} …`);
			try {
				own.push(await measure(round));
			} catch (error) {
				missing.push(`${name}: ${sentence(error).split('\n')[0]}`);
				runs.delete(name);
			}
		}
	return runs;
}

/**
 * Measures on a page of `site`, in a browser of its own.
 * @param ready name of the window's property that is there once the page can measure
 * @returns what was measured, with the largest memory of the page's and the GPU's process
 */
export async function onPage<T extends object>(
	site: string,
	ready: string,
	measure: (page: Page) => Promise<T>
): Promise<T & { readonly peak_memory?: number }> {
	const executablePath = await ensureChromium();
	return served(site, async (address) => {
		const browser = await chromium.launch({ executablePath, args: chromiumArgs });
		try {
			const page = await browser.newPage();
			page.setDefaultTimeout(PATIENCE);
			await page.goto(address);
			await page.waitForFunction((name) => name in window, ready);
			const run = await measure(page);
			const peak_memory = await peakOf(browser);
			return { ...run, ...(peak_memory !== undefined && { peak_memory }) };
		} finally {
			await browser.close();
		}
	});
}

/** Whether the page's browser has a WebGPU adapter that is not software, whose times say nothing. */
export function hasHardwareAdapter(page: Page): Promise<boolean> {
	return page.evaluate(async () => {
		const info = (await navigator.gpu?.requestAdapter())?.info;
		return info !== undefined && !/swiftshader|llvmpipe/i.test(`${info.vendor} ${info.architecture}`);
	});
}

/** Folder of the onnxruntime-web that transformers.js brings along. */
export function peerRuntime(): string {
	const require = createRequire(import.meta.url);
	const transformers = createRequire(require.resolve('@huggingface/transformers'));
	return dirname(transformers.resolve('onnxruntime-web'));
}

export interface Machine {
	readonly cpu: string;
	readonly cores: number;
	readonly memory: number;
	readonly platform: string;
}

export function thisMachine(): Machine {
	return {
		cpu: cpus()[0]?.model ?? 'unknown processor',
		cores: cpus().length,
		memory: totalmem(),
		platform: `${process.platform} ${process.arch}`
	};
}

/** Versions of Node and of this repository's packages of these names. */
export async function versionsOf(names: readonly string[]): Promise<Record<string, string>> {
	const { devDependencies, dependencies } = JSON.parse(
		await readFile(join(root, 'package.json'), 'utf8')
	) as Readonly<Record<'devDependencies' | 'dependencies', Record<string, string>>>;
	const asked = { ...dependencies, ...devDependencies };
	return {
		node: process.versions.node,
		...Object.fromEntries(names.map((name) => [name, (asked[name] ?? '').replace('^', '')]))
	};
}

/** The machine and the versions in one line. */
export const describeMachine = (machine: Machine, versions: Readonly<Record<string, string>>): string =>
	`${machine.cores} × ${machine.cpu}; ${Object.entries(versions)
		.map(([name, version]) => `${name} ${version}`)
		.join(', ')}`;

/**
 * What the WebAssembly kernels of conversion gain, in processor time: against the TypeScript that defines them, and SHA-256 against hash-wasm
 * and the processor's own instructions (Node's OpenSSL). `node tests/bench/kernels.ts [--browser]`; the numbers stand in src/lib/kernels/README.md.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { median } from '../../src/lib/analysis/statistics.ts';
import { encodeQuantized, encodeValues, quantizedSides } from '../../src/lib/kernels/encode.ts';
import { quantizeMatrix } from '../../src/lib/kernels/quantize.ts';
import { bfloat16sToFloat32, float32ToHalf } from '../../src/lib/tensor/half.ts';
import { float32ToBfloat16 } from '../support/bfloat16.ts';
import type { NamedTensor } from '../../src/lib/checkpoint/checkpoint.ts';
import { hashers, MEGABYTES, rate } from './kernels/hashers.ts';

const [rows, columns] = [4096, 4096];
const source = float32ToBfloat16(Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i) / 8));
const sourceBytes = new Uint8Array(source.buffer);
const reader: NamedTensor = {
	name: 'matrix',
	dtype: 'bfloat16',
	count: source.length,
	read: (start, end) => Promise.resolve(sourceBytes.slice(2 * start, 2 * end))
};
const drain = async (pieces: AsyncIterable<Uint8Array>) => {
	for await (const piece of pieces) void piece;
};

const work: Readonly<Record<string, () => Promise<void> | void>> = {
	'float16, TypeScript': () => void float32ToHalf(bfloat16sToFloat32(source)),
	'float16, kernel': () => drain(encodeValues(reader, 'float16')),
	'q4, TypeScript': () => void quantizeMatrix(bfloat16sToFloat32(source), rows, columns, 4),
	'q4, kernel': () =>
		drain(encodeQuantized(reader, rows, columns, 4, quantizedSides(rows, columns, 4, 'float32')))
};

/** MB of source a second of processor time, median of five rounds, the first of six left out. */
for (const [name, run] of Object.entries(work)) {
	const rates: number[] = [];
	for (let round = 0; round < 6; round++) {
		const before = process.cpuUsage();
		await run();
		if (round > 0) rates.push(sourceBytes.length / process.cpuUsage(before).user);
	}
	console.log(`${name}: ${median(rates).toFixed(0)} MB/s`);
}

const processor = () => process.cpuUsage().user / 1000;
for (const [name, hasher] of Object.entries(await hashers())) {
	console.log(`SHA-256, ${name}: ${rate(hasher, processor).toFixed(0)} MB/s`);
}
const node = () => {
	const hash = createHash('sha256');
	return { update: (bytes: Uint8Array) => void hash.update(bytes), digest: () => hash.digest('hex') };
};
console.log(`SHA-256, Node: ${rate(node, processor).toFixed(0)} MB/s`);

if (process.argv.includes('--browser')) {
	const { build } = await import('vite');
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-kernels-'));
	await build({
		configFile: false,
		logLevel: 'error',
		publicDir: false,
		build: {
			outDir: folder,
			target: 'esnext',
			lib: {
				entry: join(import.meta.dirname, 'kernels/hashers.ts'),
				formats: ['es'],
				fileName: () => 'hashers.js'
			}
		}
	});
	await writeFile(join(folder, 'index.html'), '<title>SHA-256</title>');
	const { served } = await import('../support/measured-page.ts');
	const browser = await chromium.launch({ executablePath: await ensureChromium(), args: chromiumArgs });
	try {
		await served(folder, async (address) => {
			const page = await browser.newPage();
			await page.goto(address);
			const rates = await page.evaluate(async () => {
				const path = '/hashers.js';
				const { hashers, rate } = (await import(path)) as typeof import('./kernels/hashers.ts');
				const of = Object.entries(await hashers());
				return of.map(([name, make]) => [name, rate(make, () => performance.now())] as const);
			});
			for (const [name, value] of rates)
				console.log(`SHA-256 in Chromium, wall time, ${name}: ${value.toFixed(0)} MB/s`);
		});
	} finally {
		await browser.close();
		await rm(folder, { recursive: true, force: true });
	}
}
console.log(`(${MEGABYTES} MB a round)`);

/**
 * A converted model on this machine's GPU, in Chromium: load time, time to the first token at several M, decoding, memory; in the same
 * run transformers.js on the same weights of the language model, and what the memory's bandwidth allows.
 *
 *   node tests/fullsize/gpu-report.ts MODEL_DIR [--tokens 144,256,576] [--new-tokens 64] [--json FILE] [--software] [--no-peer]
 *
 * --software runs on the processor (SwiftShader): it shows that the script works, and nothing about speed.
 */
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type Browser, type Page } from 'playwright';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';
import { bytesPerToken } from '../../src/cli/bench/bandwidth.ts';
import { writePeerFolder } from '../../src/cli/bench/peer-folder.ts';
import { openFolder } from '../../src/cli/io/disk.ts';
import { gridSide } from '../../src/lib/model/config.ts';
import type { ModelManifest } from '../../src/lib/model/manifest.ts';
import { buildMeasuredPage, peakOf, served } from '../support/measured-page.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import type { HoneybeeTimes, PeerTimes } from './gpu-page/results.ts';

/** Flags that give headless Chromium the GPU of the machine. */
const gpuArgs = [
	'--no-sandbox',
	'--enable-unsafe-webgpu',
	'--enable-features=Vulkan,WebGPUSubgroups',
	'--use-angle=vulkan',
	'--ignore-gpu-blocklist',
	'--disable-background-networking'
];
/** Longest that one measurement may take, milliseconds. */
const PATIENCE = 3_600_000;

interface Memory {
	/** Peak of the page's and the GPU's process, bytes; absent where the system does not tell. */
	readonly processes?: number;
	/** What the GPU's driver says is in use, bytes; absent without nvidia-smi. */
	readonly gpu?: number;
}

/** Everything measured. */
interface GpuReport {
	readonly model: { readonly name: string; readonly dtype: string; readonly weights: number };
	readonly honeybee: HoneybeeTimes & Memory;
	readonly peer?: PeerTimes & Memory;
	readonly bandwidth: {
		/** Bytes per second. */
		readonly read: number;
		/** Bytes of weights and cache that a token reads, at each M. */
		readonly per_token: readonly number[];
		/** What that allows. */
		readonly tokens_per_second: readonly number[];
	};
}

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		tokens: { type: 'string', default: '144,256,576' },
		'new-tokens': { type: 'string', default: '64' },
		json: { type: 'string' },
		software: { type: 'boolean', default: false },
		'no-peer': { type: 'boolean', default: false }
	}
});
const [model] = positionals;
if (model === undefined) throw new Error('Give the folder of a converted model.');
const report = await measure(resolve(model));
process.stdout.write(describe(report));
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, '\t')}\n`);

async function measure(root: string): Promise<GpuReport> {
	const source = await openFolder(root);
	const { manifest } = await openModelFolder(source).finally(() => source.close());
	const counts = countsOf(manifest, values.tokens.split(',').map(Number));
	const new_tokens = Number(values['new-tokens']);
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-gpu-'));
	const peer = values['no-peer'] ? undefined : await writePeerFolder(root, manifest);
	try {
		await buildMeasuredPage(join(import.meta.dirname, 'gpu-page'), root, folder);
		if (peer) {
			await symlink(join(peer.parent, peer.name), join(folder, 'peer'));
			await cp(peerRuntime(), join(folder, 'peer-runtime'), { recursive: true });
		}
		return await served(folder, async (address) => {
			note('reading the memory’s bandwidth …');
			const read = (
				await inBrowser(address, (page) =>
					page.evaluate((bytes) => window.gpuReport.readBandwidth(bytes), values.software ? 2 ** 24 : 2 ** 30)
				)
			).result;
			note(`${manifest.name} at M = ${counts.join(', ')} …`);
			const own = await inBrowser(address, (page) =>
				page.evaluate(([m, n]) => window.gpuReport.honeybee(m, n), [counts, new_tokens] as const)
			);
			const prompts = own.result.answers.map((answer) => answer.prompt_positions);
			const task = {
				prompts,
				new_tokens,
				vocab_size: manifest.config.text_config.vocab_size,
				shards: peer?.shards ?? []
			};
			if (peer) note('transformers.js on the same weights …');
			const other = peer
				? await inBrowser(address, (page) => page.evaluate((t) => window.gpuReport.transformers(t), task))
				: undefined;
			const per_token = own.result.answers.map(({ prompt_positions, decoded }) =>
				bytesPerToken(manifest, prompt_positions + decoded / 2)
			);
			return {
				model: { name: manifest.name, dtype: manifest.dtype, weights: manifest.memory.weights },
				honeybee: { ...own.result, ...own.memory },
				...(other && { peer: { ...other.result, ...other.memory } }),
				bandwidth: { read, per_token, tokens_per_second: per_token.map((bytes) => read / bytes) }
			};
		});
	} finally {
		await peer?.remove();
		await rm(folder, { recursive: true, force: true });
	}
}

/** The M asked for that the first projector can have; its own where it can have none of them. */
function countsOf(manifest: ModelManifest, wanted: readonly number[]): number[] {
	const [entry] = Object.values(manifest.projectors);
	const patches = gridSide(manifest.config.vision_config) ** 2;
	const possible = wanted.filter((M) =>
		entry!.tokens_by === 'squares' ? M <= patches : M === entry!.num_query_tokens
	);
	return possible.length > 0 ? possible : [entry!.num_query_tokens];
}

/** The build of ONNX Runtime that transformers.js asks for, which is its own. */
function peerRuntime(): string {
	const peer = createRequire(createRequire(import.meta.url).resolve('@huggingface/transformers'));
	return dirname(peer.resolve('onnxruntime-web/webgpu'));
}

/** A browser for each measurement, so that memory and kernels are those of one. */
async function inBrowser<T>(
	address: string,
	use: (page: Page) => Promise<T>
): Promise<{ result: T; memory: Memory }> {
	const browser = await chromium.launch({
		executablePath: await ensureChromium(),
		args: values.software ? chromiumArgs : gpuArgs
	});
	try {
		const page = await browser.newPage();
		page.setDefaultTimeout(PATIENCE);
		await page.goto(address);
		await page.waitForFunction(() => 'gpuReport' in window);
		const result = await use(page);
		return { result, memory: await memoryOf(browser) };
	} finally {
		await browser.close();
	}
}

async function memoryOf(browser: Browser): Promise<Memory> {
	const processes = await peakOf(browser);
	const gpu = driverMemory();
	return {
		...(processes !== undefined && { processes }),
		...(gpu !== undefined && { gpu })
	};
}

function driverMemory(): number | undefined {
	try {
		const args = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
		const out = execFileSync('nvidia-smi', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
		return Number(out.split('\n')[0]) * 2 ** 20;
	} catch {
		return undefined;
	}
}

function note(text: string): void {
	if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
}

function describe({ model: { name, dtype, weights }, honeybee, peer, bandwidth }: GpuReport): string {
	const gb = (bytes: number | undefined) =>
		bytes === undefined ? 'not told' : `${(bytes / 1e9).toFixed(2)} GB`;
	const ms = (value: number) => `${value.toFixed(0)} ms`;
	const memory = ({ processes, gpu }: Memory) =>
		`processes at most ${gb(processes)}${gpu === undefined ? '' : `, on the GPU ${gb(gpu)}`}`;
	const lines = [
		`${name} (${dtype}, ${gb(weights)} of weights) on ${honeybee.adapter}`,
		...(honeybee.software
			? ['The adapter computes on the processor: these times say nothing about a GPU.']
			: []),
		`loaded in ${ms(honeybee.load_ms)}; ${memory(honeybee)}`,
		`memory reads ${gb(bandwidth.read)}/s`,
		''
	];
	honeybee.answers.forEach((answer, i) => {
		const limit = bandwidth.tokens_per_second[i]!;
		const speed = answer.decode_tokens_per_second;
		const run = peer?.runs[i];
		lines.push(
			`M = ${answer.tokens}, ${answer.prompt_positions} positions`,
			`  first token   ${ms(answer.first_token_ms)} (vision ${ms(answer.vision_ms)}, projector ${ms(answer.projector_ms)}, prefill ${ms(answer.prefill_ms)})`,
			answer.decoded > 0
				? `  decoding      ${speed.toFixed(1)} tokens/s over ${answer.decoded} tokens, ${((100 * speed) / limit).toFixed(0)} % of the ${limit.toFixed(1)} that ${gb(bandwidth.per_token[i])} a token allow`
				: '  decoding      the answer has one token',
			...(run
				? [
						`  transformers  first token ${ms(run.first_token_ms)} (text only), ${run.decode_tokens_per_second.toFixed(1)} tokens/s`
					]
				: [])
		);
	});
	if (peer) lines.push('', `transformers.js loaded in ${ms(peer.load_ms)}; ${memory(peer)}`);
	return `${lines.join('\n')}\n`;
}

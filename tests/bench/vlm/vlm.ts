/**
 * `npm run bench -- --vlm [--rounds 3] [--new-tokens 32] [--only NAMES] [--profile] [--divide N] [--json FILE]`: a model of the shapes of
 * SmolVLM-256M-Instruct with random weights in the page on WASM, beside `@huggingface/transformers` on files of the same shapes in the same
 * Chromium, in turns; and its conversion in Node and in the page.
 *
 * `--profile` times what the page does around the networks, too; `--divide` makes every width smaller by that factor, to try the bench
 * itself.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { benchImage } from '../../../src/cli/bench/whole-model.ts';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { familyOf } from '../../../src/lib/model/families/registry.ts';
import type { WasmBackendName } from '../../../src/lib/model/runtime/types.ts';
import { sentence } from '../../../src/lib/bytes/sentence.ts';
import { buildConvertPage, onConvertPage } from '../../fullsize/on-convert-page.ts';
import { smolvlmCheckpoint } from '../../fullsize/smolvlm.ts';
import { writeCheckpoint } from '../../fullsize/write.ts';
import { buildPage, peakOf } from '../../support/measured-page.ts';
import { pythonWith } from '../lm/peers.ts';
import {
	chosenOf,
	inScratch,
	inTurns,
	onPage,
	peerRuntime,
	progress,
	thisMachine,
	versionsOf,
	type Subject
} from '../turns.ts';
import type {} from './page/main.ts';
import { describeVlm } from './report.ts';
import { summarize, type Around, type VlmReport, type VlmRun, type VlmTask } from './results.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
const QUESTION = 'Describe this image in detail.';
const TILE = 512;
/** transformers.js' names of types, and how the files are called that hold them. */
const peerTypes = { fp32: '', q8: '_quantized', q4: '_q4' } as const;
const peerName = (dtype: keyof typeof peerTypes) => `transformers.js, wasm ${dtype}`;

interface VlmMeasured extends Subject<VlmRun> {
	readonly bytes: number;
	readonly peer: boolean;
}

export async function vlm(args: readonly string[]): Promise<void> {
	const { values } = parseArgs({
		args: [...args],
		options: {
			vlm: { type: 'boolean' },
			rounds: { type: 'string', default: '3' },
			'new-tokens': { type: 'string', default: '32' },
			only: { type: 'string' },
			profile: { type: 'boolean', default: false },
			divide: { type: 'string', default: '1' },
			json: { type: 'string' }
		}
	});
	const rounds = Number(values.rounds);
	const new_tokens = Number(values['new-tokens']);
	const missing: string[] = [];
	await inScratch('vlm', async (scratch) => {
		progress('a checkpoint of SmolVLM-256M’s shapes …');
		const checkpoint = join(scratch, 'last');
		await writeCheckpoint(checkpoint, smolvlmCheckpoint(Number(values.divide)));
		const site = join(scratch, 'site');
		progress('building the page …');
		await buildPage(join(import.meta.dirname, 'page'), site);
		const q4 = await converted(checkpoint, site, 'q4');
		const fp32 = await converted(checkpoint, site, 'fp32');
		const page = await convertedInPage(checkpoint, scratch).catch((error: unknown) => {
			missing.push(`conversion in the page: ${sentence(error).split('\n')[0]}`);
			return {};
		});
		const task: VlmTask = {
			question: QUESTION,
			prompt: familyOf(q4.manifest).prompt.conversation(
				[{ question: QUESTION, imageCount: 1 }],
				q4.manifest.prompt
			).text,
			pictures: ['picture-0.png', 'picture-1.png'],
			new_tokens
		};
		for (const [i, name] of task.pictures.entries())
			await writeFile(join(site, name), (await benchImage(TILE, 60 + 120 * i)).bytes);
		const ours = (backend: WasmBackendName, dtype: 'q4' | 'fp32', bytes: number): VlmMeasured => ({
			name: `ours, ${backend} ${dtype}`,
			...{ bytes, peer: false },
			measure: () =>
				onPage(site, 'vlm', (opened) =>
					opened.evaluate(([where, folder, given]) => window.vlm.ours(where, folder, given), [
						backend,
						`/model-${dtype}/`,
						task
					] as const)
				)
		});
		const all = [
			// What a page without a GPU takes by itself comes first.
			ours('wasm-q4', 'q4', q4.bytes),
			ours('wasm-int8', 'q4', q4.bytes),
			ours('wasm', 'fp32', fp32.bytes),
			...(await peers(checkpoint, site, task).catch((error: unknown) => {
				missing.push(`transformers.js: its files could not be made (${sentence(error).split('\n')[0]}).`);
				return [];
			}))
		];
		const chosen = chosenOf(all, values.only);
		const runs = await inTurns(chosen, rounds, missing);
		const around = values.profile
			? await aroundNetworks(site, task).catch((error: unknown) => {
					missing.push(`around the networks: ${sentence(error).split('\n')[0]}`);
					return undefined;
				})
			: undefined;
		const measured = chosen.flatMap(({ name, bytes, peer }) => {
			const own = runs.get(name);
			return own ? [{ name, bytes, peer, runs: own }] : [];
		});
		const lengths = new Set(measured.flatMap((each) => each.runs.map((one) => one.answers[1].prompt_tokens)));
		if (lengths.size > 1)
			missing.push(`a fair comparison: prompts have ${[...lengths].join(' and ')} tokens.`);
		const report: VlmReport = {
			date: new Date().toISOString().slice(0, 10),
			machine: thisMachine(),
			versions: await versionsOf(['onnxruntime-web', '@huggingface/transformers']),
			model: `SmolVLM-256M-Instruct’s shapes${values.divide === '1' ? '' : `, widths divided by ${values.divide}`}, random weights; the peer’s graphs are written by this bench (tests/bench/vlm/peer.py)`,
			rounds,
			prompt_tokens: [...lengths][0] ?? 0,
			new_tokens,
			subjects: summarize(measured, peerName('fp32')),
			conversion: { checkpoint_bytes: await sizeOf(checkpoint), node_ms: q4.ms, ...page },
			...(around && { around_ms: around }),
			missing
		};
		process.stdout.write(describeVlm(report));
		if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, '\t')}\n`);
	});
}

async function aroundNetworks(site: string, task: VlmTask): Promise<Around> {
	const { around } = await onPage(site, 'vlm', async (page) => ({
		around: await page.evaluate(([folder, given]) => window.vlm.around(folder, given), [
			'/model-q4/',
			task
		] as const)
	}));
	return around;
}

/** By the command line, into `model-TYPE/` of the site. */
async function converted(checkpoint: string, site: string, dtype: 'q4' | 'fp32') {
	progress(`conversion to ${dtype} …`);
	const out = join(site, `model-${dtype}`);
	const begin = performance.now();
	await run(process.execPath, [
		join(root, 'bin/honeybee.js'),
		...['convert', checkpoint, out, '--dtype', dtype, '--name', 'SmolVLM-256M']
	]);
	const ms = performance.now() - begin;
	const manifest = JSON.parse(await readFile(join(out, 'honeybee.json'), 'utf8')) as ModelManifest;
	return { manifest, ms, bytes: await sizeOf(out) };
}

async function convertedInPage(checkpoint: string, scratch: string) {
	progress('conversion to q4 in the page …');
	const site = join(scratch, 'convert');
	await buildConvertPage(site);
	return onConvertPage({ site, profile: join(scratch, 'profile'), checkpoint }, async (page, browser) => {
		page.setDefaultTimeout(0);
		const { ms } = await page.evaluate(() => window.measures.convert('q4', ''));
		const peak = await peakOf(browser);
		return { page_ms: ms, ...(peak !== undefined && { page_peak_memory: peak }) };
	});
}

async function peers(checkpoint: string, site: string, task: VlmTask): Promise<VlmMeasured[]> {
	progress('the same shapes for transformers.js …');
	const python = await pythonWith(
		'onnx, onnx_ir, onnxruntime',
		join(import.meta.dirname, 'requirements.txt')
	);
	const folder = join(site, 'peer');
	await mkdir(folder, { recursive: true });
	await run(python, [join(import.meta.dirname, 'peer.py'), checkpoint, folder], { maxBuffer: 2 ** 26 });
	await symlink(peerRuntime(), join(site, 'peer-runtime'));
	const graphs = join(folder, 'onnx');
	const files = ['vision_encoder', 'embed_tokens', 'decoder_model_merged'];
	return Promise.all(
		(Object.keys(peerTypes) as (keyof typeof peerTypes)[]).map(async (dtype) => {
			const sizes = files.map(
				async (file) => (await stat(join(graphs, `${file}${peerTypes[dtype]}.onnx`))).size
			);
			return {
				name: peerName(dtype),
				bytes: (await Promise.all(sizes)).reduce((a, b) => a + b, 0),
				peer: true,
				measure: () =>
					onPage(site, 'vlm', (opened) =>
						opened.evaluate(([type, given]) => window.vlm.transformers(type, given), [dtype, task] as const)
					)
			};
		})
	);
}

/** Bytes of a folder's files. */
async function sizeOf(folder: string): Promise<number> {
	const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
	return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
}

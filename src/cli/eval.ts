import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark, Example } from '../lib/benchmarks/benchmark.ts';
import { benchmarks, findBenchmark } from '../lib/benchmarks/registry.ts';
import { imagePreparer } from '../lib/benchmarks/run/prepare.ts';
import { openRun } from '../lib/benchmarks/run/record.ts';
import { reportRun } from '../lib/benchmarks/run/report.ts';
import { hashExamples, runBenchmark, type RunTarget } from '../lib/benchmarks/run/run.ts';
import type { RunStorage } from '../lib/benchmarks/run/storage.ts';
import { chooseTargets, identify, targetName } from '../lib/benchmarks/run/target.ts';
import { HoneybeeModel } from '../lib/model/runtime/model.ts';
import { openModelFolder } from '../lib/model/runtime/model-folder.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { number, parse, positionals, type Command, type Terminal } from './command.ts';
import { openDataFolder } from './eval/data-folder.ts';
import { diskStorage } from './eval/disk-storage.ts';
import { printReport, progressLine } from './eval/print.ts';
import { hashOnDisk } from './hash-on-disk.ts';
import { decodeImage } from './io/decode-image.ts';
import { openFolder } from './io/disk.ts';

/** This project's root, from src/cli and from dist/cli. */
const root = new URL('../../', import.meta.url);

export const evalCommand: Command = {
	synopsis: '--model DIR --benchmark NAME --data PATH --out DIR [options]',
	summary: 'Score a converted model on a benchmark.',
	details: [
		'--model DIR           model folder made by honeybee convert',
		`--benchmark NAME      ${benchmarks.map(({ name }) => name).join(', ')}`,
		"--data PATH           folder with the benchmark's official files (not needed for scenes)",
		'--out DIR             results, report and files for judges go to DIR/<benchmark>/<projector>-m<M>',
		'--projector NAMES     projectors, joined by commas (all of the model)',
		"--tokens Ms           numbers of visual tokens, joined by commas (each projector's own)",
		'--limit N             only the first N examples',
		'--resume              go on with what DIR holds',
		...benchmarks.map(({ name, files }) => `${name.padEnd(14)} ${files.join(' ')}`)
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parse({
			args: [...args],
			allowPositionals: true,
			options: {
				model: { type: 'string' },
				benchmark: { type: 'string' },
				data: { type: 'string' },
				out: { type: 'string' },
				projector: { type: 'string' },
				tokens: { type: 'string' },
				limit: { type: 'string' },
				resume: { type: 'boolean' }
			}
		});
		positionals(rest);
		const { model: modelPath, benchmark: name, out } = values;
		if (modelPath === undefined) throw new InputError('--model DIR is missing. See --help.');
		if (name === undefined) throw new InputError('--benchmark NAME is missing. See --help.');
		if (out === undefined) throw new InputError('--out DIR is missing. See --help.');
		const benchmark = findBenchmark(name);
		const limit = values.limit === undefined ? Infinity : number('--limit', values.limit);
		if (limit < 1) throw new InputError(`--limit is ${limit}; give at least 1.`);

		const folder = await openFolder(modelPath);
		const storages: RunStorage[] = [];
		let model: HoneybeeModel | undefined;
		try {
			const modelFolder = await openModelFolder(folder, { hashInPlace: hashOnDisk(resolve(modelPath)) });
			const { manifest } = modelFolder;
			const choices = chooseTargets(
				manifest,
				listOf(values.projector),
				listOf(values.tokens)?.map((part) => number('--tokens', part))
			);
			const examples = await readExamples(benchmark, values.data, terminal);
			const data = await hashExamples(benchmark, examples);
			const versions = await readVersions();
			const targets: (RunTarget & { readonly storage: RunStorage })[] = [];
			for (const choice of choices) {
				const storage = diskStorage(join(out, benchmark.name, targetName(choice)));
				storages.push(storage);
				const identity = identify(benchmark, manifest, { ...choice, data, backend: 'node', versions });
				const record = await openRun(storage, identity, benchmark, { resume: values.resume ?? false });
				if (record.repaired) terminal.note(`${storage.name}: a half-written last result was removed.`);
				targets.push({ ...choice, record, storage });
			}
			// Loading the runtime takes a moment that wrong arguments need not wait for.
			const { createNodeBackend } = await import('./node-backend.ts');
			model = await HoneybeeModel.load({
				backend: createNodeBackend(resolve(modelPath)),
				folder: modelFolder,
				decodeImage,
				projector: choices[0]!.projector,
				onProgress: ({ what }) => terminal.progress(`loading ${what} …`)
			});
			const whole = await runBenchmark({
				benchmark,
				examples: examples.slice(0, limit),
				targets,
				model,
				prepare: imagePreparer(decodeImage, manifest.image.size),
				onProgress: (progress) => terminal.progress(progressLine(progress)),
				signal: terminal.signal
			});
			terminal.progress('');
			for (const { record, storage } of targets) {
				if (record.results.size === 0) continue;
				terminal.write(`${printReport(benchmark.title, await reportRun(benchmark, record, storage))}\n`);
			}
			return whole;
		} finally {
			await model?.dispose();
			await folder.close();
			for (const storage of storages) await storage.close();
		}
	}
};

/** The parts of a list joined by commas. */
const listOf = (text: string | undefined) => text?.split(',').map((part) => part.trim());

async function readExamples(
	benchmark: Benchmark,
	path: string | undefined,
	terminal: Terminal
): Promise<Example[]> {
	const scenes = benchmark.name.startsWith('scenes');
	if (path === undefined && !scenes)
		throw new InputError(`--data PATH is missing: a folder with ${benchmark.files.join(' ')}.`);
	const folder = await openDataFolder(path ?? fileURLToPath(new URL('static/scenes', root)));
	const examples: Example[] = [];
	for await (const example of benchmark.examples(folder)) {
		examples.push(example);
		if (examples.length % 500 === 0)
			terminal.progress(`reading ${benchmark.title}: ${examples.length} examples`);
		if (terminal.signal.aborted) throw new Error('interrupted');
	}
	return examples;
}

async function readVersions(): Promise<Record<string, string>> {
	const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
		version: string;
	};
	const { env } = await import('onnxruntime-node');
	return { honeybee: version, onnxruntime: env.versions.node ?? env.versions.common };
}

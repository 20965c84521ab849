import { join, resolve } from 'node:path';
import { benchmarks, findBenchmark } from '../lib/benchmarks/registry.ts';
import { openRun } from '../lib/benchmarks/run/record.ts';
import { reportRun } from '../lib/benchmarks/run/report.ts';
import { squashTo } from '../lib/benchmarks/run/prepare.ts';
import { transparencyOf } from '../lib/model/image/transparency.ts';
import { hashExamples, nothingAsked, runBenchmark, type RunTarget } from '../lib/study/run.ts';
import type { RunStorage } from '../lib/benchmarks/run/storage.ts';
import {
	chooseTargets,
	identify,
	targetName,
	tokenWords,
	type TokensChoice
} from '../lib/benchmarks/run/target.ts';
import { wordingChoices, wordingOf } from '../lib/benchmarks/run/wording.ts';
import { HoneybeeModel } from '../lib/model/runtime/model.ts';
import { openModelFolder } from '../lib/model/runtime/model-folder.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { number, oneOf, parseOptions, positionals, type Command, type Terminal } from './command.ts';
import { deviceHelp, deviceOf, openDevice } from './device.ts';
import { diskStorage } from './eval/disk-storage.ts';
import { readExamples, readVersions } from './eval/prepare.ts';
import { printReport, progressLine } from './eval/print.ts';
import { coordinate, work } from './eval/queue.ts';
import { ShardAnswerer, type ShardPlaces } from './eval/shard.ts';
import { hashOnDisk } from './hash-on-disk.ts';
import { decodeImage } from './io/decode-image.ts';
import { openFolder } from './io/disk.ts';
import { ImageThread } from './io/image-thread.ts';

export const evalCommand: Command = {
	synopsis: '--model DIR --benchmark NAME --data PATH --out DIR [options]',
	summary: 'Score a converted model on a benchmark.',
	details: [
		'--model DIR           model folder made by honeybee convert',
		`--benchmark NAME      ${benchmarks.map(({ name }) => name).join(', ')}`,
		`--data PATH           folder with the benchmark's official files (not needed for ${benchmarks
			.filter(({ builtIn }) => builtIn)
			.map(({ name }) => name)
			.join(', ')})`,
		'--out DIR             results, report and files for judges go to DIR/<benchmark>/<projector>-m<M>',
		'--projector NAMES     projectors, joined by commas, or all (as when left out)',
		'--tokens Ms           numbers of visual tokens, joined by commas, or a word: own (of each projector, as when left',
		'                      out), trained (all that it was trained at), all (all that it can give)',
		'--wording WORDS       own: the words that the model’s kind was published with (as when left out, where there are some);',
		'                      honeybee: those of Honeybee’s evaluation',
		'--limit N             only the first N examples',
		...deviceHelp,
		'--resume              go on with what DIR holds',
		'--queue redis://…     give the work out over a Redis server, to workers on any machines; merge what comes back',
		'--queue … --worker    be a worker: answer shares of the work until Ctrl-C; --model and --data say where they lie here',
		'--stalled-after S     seconds without a sign of life after which a share goes to another worker (30)',
		...benchmarks.map(({ name, files }) => `${name.padEnd(14)} ${files.join(' ')}`)
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parseOptions({
			args: [...args],
			allowPositionals: true,
			options: {
				model: { type: 'string' },
				benchmark: { type: 'string' },
				data: { type: 'string' },
				out: { type: 'string' },
				projector: { type: 'string' },
				tokens: { type: 'string' },
				wording: { type: 'string' },
				limit: { type: 'string' },
				device: { type: 'string' },
				resume: { type: 'boolean' },
				queue: { type: 'string' },
				worker: { type: 'boolean' },
				'stalled-after': { type: 'string' }
			}
		});
		positionals(rest);
		const { model: modelPath, benchmark: name, out, queue } = values;
		if (values.worker) {
			if (queue === undefined) throw new InputError('--worker needs --queue redis://…. See --help.');
			const stalledAfter = values['stalled-after'];
			await serve(
				queue,
				stalledAfter === undefined ? 30 : number('--stalled-after', stalledAfter),
				{ model: modelPath, data: values.data },
				terminal
			);
			return true;
		}
		if (modelPath === undefined) throw new InputError('--model DIR is missing. See --help.');
		if (name === undefined) throw new InputError('--benchmark NAME is missing. See --help.');
		if (out === undefined) throw new InputError('--out DIR is missing. See --help.');
		const benchmark = findBenchmark(name);
		const words =
			values.wording === undefined ? undefined : oneOf('--wording', values.wording, wordingChoices);
		const limit = values.limit === undefined ? Infinity : number('--limit', values.limit);
		const device = deviceOf(values.device);
		if (limit < 1) throw new InputError(`--limit is ${limit}; give at least 1.`);

		const folder = await openFolder(modelPath);
		const storages: RunStorage[] = [];
		let model: HoneybeeModel | undefined;
		let images: ImageThread | undefined;
		try {
			const modelFolder = await openModelFolder(folder, { hashInPlace: hashOnDisk(resolve(modelPath)) });
			const { manifest } = modelFolder;
			const choices = chooseTargets(
				manifest,
				values.projector === 'all' ? undefined : listOf(values.projector),
				tokensFrom(values.tokens)
			);
			const wording = wordingOf(benchmark, manifest, words);
			const examples = await readExamples(benchmark, values.data, terminal);
			const data = await hashExamples(benchmark, examples);
			const versions = await readVersions();
			// What it is called is part of what the run is; as stored, it is known without loading the runtime.
			const other =
				device === 'node' ? undefined : await openDevice(device, resolve(modelPath), manifest, terminal);
			const computed = other?.info.backend ?? device;
			const targets: (RunTarget & { readonly storage: RunStorage })[] = [];
			for (const choice of choices) {
				const storage = diskStorage(join(out, benchmark.name, targetName(choice)));
				storages.push(storage);
				const identity = identify(benchmark, manifest, {
					...{ ...choice, data, backend: computed, versions },
					...(wording && { wording: wording.recorded })
				});
				const record = await openRun(storage, identity, benchmark, { resume: values.resume ?? false });
				if (record.repaired) terminal.warn(`${storage.name}: a half-written last result was removed.`);
				targets.push({ ...choice, record, storage });
			}
			const writeReports = async () => {
				terminal.progress('');
				const nothing = nothingAsked(
					benchmark,
					targets.map(({ record }) => record)
				);
				if (nothing) throw nothing;
				for (const { record, storage } of targets) {
					if (record.results.size === 0) continue;
					terminal.write(`${printReport(benchmark.title, await reportRun(benchmark, record, storage))}\n`);
				}
			};
			const selected = examples.slice(0, limit);
			if (queue !== undefined) {
				const whole = await coordinate(
					queue,
					targets.map(({ record }) => ({
						...{ record, identity: record.manifest.identity, ids: selected.map(({ id }) => id) },
						...{
							model: resolve(modelPath),
							data: values.data === undefined ? undefined : resolve(values.data)
						}
					})),
					{
						signal: terminal.signal,
						onProgress: (done, total) => terminal.progress(`${done} of ${total} answers merged`)
					}
				);
				await writeReports();
				return whole;
			}
			model = await HoneybeeModel.load({
				backend: other ?? (await openDevice(device, resolve(modelPath), manifest)),
				folder: modelFolder,
				decodeImage,
				projector: choices[0]!.projector,
				onProgress: ({ what }) => terminal.progress(`loading ${what} …`)
			});
			images = new ImageThread(squashTo(manifest), transparencyOf(manifest.image));
			const whole = await runBenchmark({
				benchmark,
				examples: selected,
				targets,
				...(wording && { wording }),
				model,
				prepare: images.prepare,
				onProgress: (progress) => terminal.progress(progressLine(progress)),
				signal: terminal.signal
			});
			await writeReports();
			return whole;
		} finally {
			await images?.close();
			await model?.dispose();
			await folder.close();
			for (const storage of storages) await storage.close();
		}
	}
};

/** The parts of a list joined by commas. */
const listOf = (text: string | undefined) => text?.split(',').map((part) => part.trim());

function tokensFrom(text: string | undefined): TokensChoice {
	const word = tokenWords.find((one) => one === (text ?? 'own'));
	return word ?? listOf(text)!.map((part) => number('--tokens', part));
}

/** Answers shares of the work until Ctrl-C. */
async function serve(
	queue: string,
	stalledAfter: number,
	places: ShardPlaces,
	terminal: Terminal
): Promise<void> {
	const answerer = new ShardAnswerer(places, terminal);
	let answered = 0;
	try {
		await work(queue, {
			...{ stalledAfter, signal: terminal.signal },
			answer: (job) => answerer.answer(job),
			onDone: ({ ids }) => {
				answered += ids.length;
				terminal.progress(`${answered} answers given`);
			}
		});
	} finally {
		await answerer.dispose();
	}
}

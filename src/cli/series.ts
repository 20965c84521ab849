import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { benchmarks, findBenchmark } from '../lib/benchmarks/registry.ts';
import { squashTo } from '../lib/benchmarks/run/prepare.ts';
import { transparencyOf } from '../lib/model/image/transparency.ts';
import { HoneybeeModel } from '../lib/model/runtime/model.ts';
import type { Backend } from '../lib/model/runtime/backend.ts';
import type { NodeBackendName } from '../lib/model/runtime/types.ts';
import { MANIFEST_FILE, type ModelManifest } from '../lib/model/manifest.ts';
import { openModelFolder } from '../lib/model/runtime/model-folder.ts';
import { DIRECTIONS } from '../lib/study/choices.ts';
import { namesTogether, type ImageSet } from '../lib/study/image-set.ts';
import {
	emptySeries,
	readSeries,
	stepOf,
	withCheckpoint,
	type Series,
	type SeriesCheckpoint,
	type SeriesSettings
} from '../lib/study/series-file.ts';
import { measureCheckpoint, seriesSettings, type CheckpointWork } from '../lib/study/series.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { number, parseOptions, type Command, type Terminal } from './command.ts';
import { convertCommand } from './convert.ts';
import { deviceHelp, deviceOf, openDevice } from './device.ts';
import { readExamples } from './eval/prepare.ts';
import { readImage } from './figure/image.ts';
import { hashOnDisk } from './hash-on-disk.ts';
import { decodeImage } from './io/decode-image.ts';
import { openFolder } from './io/disk.ts';
import { checkWritable, writeOutput } from './io/output.ts';
import { ImageThread } from './io/image-thread.ts';

export const series: Command = {
	synopsis: 'FOLDER … --image FILE --out FILE [options]',
	summary: 'Measure a series of checkpoints over training.',
	details: [
		'FOLDER …              checkpoints of one training, or model folders made of them; checkpoints are converted on the way,',
		'                      the step is that of trainer_state.json, or the number in the folder’s name (checkpoint-100)',
		'--image FILE          picture that locality is measured on; further ones make the set that intervals are over',
		'--set NAME            what the set of pictures is called in the figure’s words (the files’ names)',
		'--out FILE            a .json file for "honeybee figure checkpoint-series --series FILE" and for the Benchmarks page; it is',
		'                      written after each checkpoint, and one that holds some of them is gone on with',
		'--steps LIST          steps of the folders, joined by commas, where neither files nor names tell',
		`--directions K        random directions per visual token (${DIRECTIONS})`,
		`--benchmark NAME      also the accuracy on ${benchmarks.map(({ name }) => name).join(', ')}`,
		"--data PATH           folder with the benchmark's official files",
		'--limit N             only the first N examples (200)',
		...deviceHelp
	],
	async run(args, terminal) {
		const { values, positionals: folders } = parseOptions({
			args: [...args],
			allowPositionals: true,
			options: {
				image: { type: 'string', multiple: true },
				set: { type: 'string' },
				out: { type: 'string' },
				steps: { type: 'string' },
				directions: { type: 'string', default: `${DIRECTIONS}` },
				benchmark: { type: 'string' },
				data: { type: 'string' },
				limit: { type: 'string', default: '200' },
				device: { type: 'string' }
			}
		});
		if (folders.length === 0) throw new InputError('FOLDER is missing: the checkpoints. See --help.');
		if (values.image === undefined) throw new InputError('--image FILE is missing. See --help.');
		const { out } = values;
		if (out === undefined) throw new InputError('--out FILE is missing. See --help.');
		await checkWritable(out);
		const steps = await stepsOf(folders, values.steps);
		const images = await Promise.all(values.image.map(readImage));
		const set: ImageSet = {
			name: values.set ?? namesTogether(images.map(({ name }) => name)),
			images
		};
		const directions = number('--directions', values.directions);
		const device = deviceOf(values.device);
		const benchmark = values.benchmark === undefined ? undefined : findBenchmark(values.benchmark);
		const examples =
			benchmark &&
			(await readExamples(benchmark, values.data, terminal)).slice(0, number('--limit', values.limit));
		const asked = benchmark && examples && { benchmark, examples };
		const settings = await seriesSettings(
			{
				...{ set, directions },
				...(device !== 'node' && { backend: device }),
				...(asked && { benchmark: asked })
			},
			benchmark ? `${benchmark.title}, headline score` : ''
		);
		let made = await begun(out, settings);
		for (const [i, folder] of folders.entries()) {
			const name = basename(resolve(folder));
			const what = `${name} (${i + 1} of ${folders.length})`;
			if (made.checkpoints.some((one) => one.name === name && one.step === steps[i])) {
				terminal.note(`${name} is in ${out} already.`);
				continue;
			}
			const measured = await measureFolder(
				folder,
				{ set, directions, device, ...(asked && { benchmark: asked }) },
				what,
				terminal
			);
			made = withCheckpoint(made, { name, step: steps[i]!, ...measured });
			await writeOutput(out, `${JSON.stringify(made, null, '\t')}\n`);
			terminal.progress('');
			terminal.note(`${name}: step ${steps[i]}, ${measured.projectors.length} projectors`);
		}
		terminal.write(
			`${out}: ${made.checkpoints.length} checkpoint${made.checkpoints.length === 1 ? '' : 's'}, steps ${made.checkpoints.map(({ step }) => step).join(', ')}\n`
		);
		return true;
	}
};

/** The steps of all folders. @throws InputError naming the first whose step is not to be found, or two of one step */
async function stepsOf(folders: readonly string[], list: string | undefined): Promise<number[]> {
	const given = list?.split(',').map((step) => number('--steps', step.trim()));
	if (given && given.length !== folders.length)
		throw new InputError(
			`--steps has ${given.length} steps for ${folders.length} folders; give one for each.`
		);
	const steps: number[] = [];
	for (const [i, folder] of folders.entries()) {
		if (!existsSync(folder)) throw new InputError(`${folder} is not there; give the folder of a checkpoint.`);
		const step = given?.[i] ?? stepOf(basename(resolve(folder)), await trainerState(folder));
		if (step === undefined)
			throw new InputError(
				`${folder}: neither trainer_state.json nor the folder’s name tells the training step; give --steps.`
			);
		const before = steps.indexOf(step);
		if (before >= 0)
			throw new InputError(`${folders[before]} and ${folder} are both of step ${step}; give --steps.`);
		steps.push(step);
	}
	return steps;
}

async function trainerState(folder: string): Promise<unknown> {
	try {
		return JSON.parse(await readFile(join(folder, 'trainer_state.json'), 'utf8')) as unknown;
	} catch {
		return undefined;
	}
}

/** What the file holds already, or an empty series. @throws InputError for one that was measured otherwise */
async function begun(out: string, settings: SeriesSettings): Promise<Series> {
	if (!existsSync(out)) return emptySeries(settings);
	const known = readSeries(await readFile(out, 'utf8'), out);
	if (JSON.stringify(known.settings) !== JSON.stringify(settings))
		throw new InputError(
			`${out} holds a series that was measured on other pictures, directions or questions, or computed otherwise (--device); choose another file.`
		);
	return known;
}

/** One way of computing for all checkpoints. @throws InputError where this one cannot be computed so */
async function asAsked(
	device: NodeBackendName,
	root: string,
	manifest: ModelManifest,
	name: string
): Promise<Backend> {
	const backend = await openDevice(device, root, manifest);
	const { info } = backend;
	if (info.backend === device) return backend;
	await backend.dispose();
	throw new InputError(
		`${name}: ${info.reason} Leave --device out, or convert the checkpoints to q4 before; a series is computed in one way.`
	);
}

/** One checkpoint, converted for as long as it is measured where it is no model folder. */
async function measureFolder(
	path: string,
	{
		device,
		...how
	}: Pick<CheckpointWork, 'set' | 'directions' | 'benchmark'> & { readonly device: NodeBackendName },
	what: string,
	terminal: Terminal
): Promise<Pick<SeriesCheckpoint, 'model' | 'projectors'>> {
	let root = resolve(path);
	let made: string | undefined;
	let close: (() => Promise<void>) | undefined;
	try {
		if (!existsSync(join(root, MANIFEST_FILE))) {
			// The folder that its checkpoints stand in is what they are of.
			const name = basename(dirname(root)) || basename(root);
			made = await mkdtemp(join(tmpdir(), 'honeybee-series-'));
			root = join(made, 'model');
			await convertCommand.run([path, root, '--name', name], {
				...terminal,
				write: () => undefined,
				note: () => undefined,
				progress: (words) => terminal.progress(words === '' ? '' : `${what}: ${words}`)
			});
		}
		const folder = await openFolder(root);
		close = () => folder.close();
		const modelFolder = await openModelFolder(folder, { hashInPlace: hashOnDisk(root) });
		const model = await HoneybeeModel.load({
			backend: await asAsked(device, root, modelFolder.manifest, basename(path)),
			folder: modelFolder,
			decodeImage,
			onProgress: ({ what: part }) => terminal.progress(`${what}: loading ${part} …`)
		});
		const images =
			how.benchmark && new ImageThread(squashTo(model.manifest), transparencyOf(model.manifest.image));
		try {
			return await measureCheckpoint(
				{
					...{ answerer: model, model: { manifest: model.manifest, backend: model.backend } },
					...how,
					...(how.benchmark && images && { benchmark: { ...how.benchmark, prepare: images.prepare } })
				},
				{
					signal: terminal.signal,
					onProgress: ({ done, total }) => terminal.progress(`${what}: ${done} of ${total}`)
				}
			);
		} finally {
			await images?.close();
			await model.dispose();
		}
	} finally {
		await close?.();
		if (made !== undefined) await rm(made, { recursive: true, force: true });
	}
}

import { basename, resolve } from 'node:path';
import { sizeInWords } from '../lib/bytes/sizes.ts';
import { sha256 } from '../lib/bytes/hash.ts';
import { writeSafetensors } from '../lib/checkpoint/safetensors.ts';
import type { SourceFolder } from '../lib/checkpoint/source.ts';
import { HoneybeeModel } from '../lib/model/runtime/model.ts';
import { openModelFolder } from '../lib/model/runtime/model-folder.ts';
import { TraceRecorder } from '../lib/model/runtime/trace-recorder.ts';
import type { ModelManifest } from '../lib/model/manifest.ts';
import type {
	AnswerRequest,
	AnswerResult,
	ImageInput,
	LoadProgress,
	NodeBackendName
} from '../lib/model/runtime/types.ts';
import { transparencies, transparencyOf, type Transparency } from '../lib/model/image/transparency.ts';
import { greedy } from '../lib/model/runtime/sampling.ts';
import type { Answerer } from '../lib/study/answerer.ts';
import { drain } from '../lib/study/ask.ts';
import { isTrained } from '../lib/study/tokens.ts';
import { readTurns } from '../lib/study/turns-file.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { number, oneOf, parseOptions, positionals, type Command, type Terminal } from './command.ts';
import { deviceHelp, deviceOf, openDevice } from './device.ts';
import { hashOnDisk } from './hash-on-disk.ts';
import { decodeImage } from './io/decode-image.ts';
import { openFile, openFolder } from './io/disk.ts';
import { checkWritable, readTextFile, writeOutput } from './io/output.ts';

export const ask: Command = {
	synopsis: '--model DIR [--image FILE]… --prompt TEXT [options]',
	summary: 'Ask a converted model about images.',
	details: [
		'--model DIR           model folder made by honeybee convert',
		'--image FILE          PNG, JPEG, WebP, GIF, AVIF or BMP; may be given several times',
		"--prompt TEXT         the question; the model's own template is put around it",
		'--raw-prompt TEXT     the whole prompt instead of --prompt, with the model’s own mark once for each image: honeybee inspect tells it',
		'--system TEXT         message that stands first, instead of what the model’s own template says there',
		'--turns FILE          earlier turns, about the same images: the chat’s export, or JSON of {"question", "answer"} or {"role", "content"}',
		'--projector NAME      projector to use (the first of the model)',
		'--transparency T      of transparent pictures: drop sees the colours under alpha, white lays them on white (the model’s own choice)',
		"--tokens M            visual tokens per image (the projector's own number)",
		'--max-new-tokens N    longest answer (256)',
		'--temperature X       0 is greedy (0)',
		'--top-k K             draw from the K most probable tokens; 0 is all (0)',
		'--top-p P             draw from this much probability (1)',
		'--seed N              makes drawing repeatable (0)',
		'--stop TEXT           end before this text; may be given several times',
		...deviceHelp,
		'--json                print one JSON object with text, ids, prompt_ids, timings_ms, tokens_per_second, backend, dtype,',
		'                      and, where releases differ, whose computation is followed: reference, followed (one sentence for each',
		'                      difference) and, with images, transparency',
		'--trace FILE          write all activations to a safetensors file'
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parseOptions({
			args: [...args],
			allowPositionals: true,
			options: {
				model: { type: 'string' },
				image: { type: 'string', multiple: true },
				prompt: { type: 'string' },
				'raw-prompt': { type: 'string' },
				system: { type: 'string' },
				turns: { type: 'string' },
				projector: { type: 'string' },
				tokens: { type: 'string' },
				transparency: { type: 'string' },
				'max-new-tokens': { type: 'string' },
				temperature: { type: 'string' },
				'top-k': { type: 'string' },
				'top-p': { type: 'string' },
				seed: { type: 'string' },
				stop: { type: 'string', multiple: true },
				device: { type: 'string' },
				json: { type: 'boolean' },
				trace: { type: 'string' }
			}
		});
		positionals(rest);
		if (values.model === undefined) throw new InputError('--model DIR is missing. See --help.');
		const prompts = [values.prompt, values['raw-prompt']].filter((prompt) => prompt !== undefined);
		if (prompts.length !== 1)
			throw new InputError(
				prompts.length
					? '--prompt and --raw-prompt exclude each other; give one of them.'
					: '--prompt TEXT is missing. See --help.'
			);
		const option = (name: keyof typeof values, kind?: 'number') => {
			const text = values[name];
			return typeof text === 'string' ? number(`--${name}`, text, kind) : undefined;
		};
		const sampling = {
			temperature: option('temperature', 'number') ?? greedy.temperature,
			top_k: option('top-k') ?? greedy.top_k,
			top_p: option('top-p', 'number') ?? greedy.top_p,
			seed: option('seed') ?? greedy.seed,
			max_new_tokens: option('max-new-tokens') ?? greedy.max_new_tokens,
			stop: values.stop ?? greedy.stop
		};
		const tokens = option('tokens');
		const transparency =
			values.transparency === undefined
				? undefined
				: oneOf('--transparency', values.transparency, transparencies);
		if (values.trace !== undefined) await checkWritable(values.trace);
		for (const name of ['turns', 'system'] as const)
			if (values[name] !== undefined && values['raw-prompt'] !== undefined)
				throw new InputError(
					`--${name} and --raw-prompt exclude each other; a whole prompt has all of it in it.`
				);
		const earlier =
			values.turns === undefined ? [] : readTurns(await readTextFile(values.turns, '--turns'), values.turns);
		const device = deviceOf(values.device);
		const images = await Promise.all((values.image ?? []).map(readImage));

		const folder = await openFolder(values.model);
		let model: HoneybeeModel | undefined;
		try {
			model = await loadModel(
				folder,
				values.model,
				{ projector: values.projector, transparency, device },
				terminal
			);
			const request: AnswerRequest = {
				projector: values.projector ?? Object.keys(model.manifest.projectors)[0]!,
				...(tokens !== undefined && { tokens }),
				turns: [...earlier, { question: values.prompt ?? '' }].map((turn, i) => ({
					...turn,
					images: i === 0 ? images : []
				})),
				sampling,
				...(values.system !== undefined && { system: values.system }),
				...(values['raw-prompt'] !== undefined && { raw_prompt: values['raw-prompt'] })
			};
			const { knows } = model.manifest.provenance;
			// Whether a file shows one of its scenes cannot be told here.
			if (knows !== undefined && images.length > 0) terminal.warn(`${model.manifest.name}: ${knows}`);
			const recorder = values.trace === undefined ? undefined : new TraceRecorder();
			const result = await answer(model, request, terminal, { json: values.json ?? false, recorder });
			const entry = model.manifest.projectors[request.projector];
			if (entry && tokens !== undefined && !isTrained(entry, tokens))
				terminal.warn(
					`${entry.title} was not trained at M = ${tokens}, but at ${[...new Set([entry.num_query_tokens, ...entry.trained_tokens])].join(', ')}: what it answers says little of it.`
				);
			if (recorder && result.stop_reason !== 'cancelled')
				await writeTrace(values.trace!, recorder, model.manifest.name);
			if (values.json)
				terminal.write(
					`${JSON.stringify({ ...describe(result, model.manifest), ...(images.length > 0 && { transparency: transparency ?? transparencyOf(model.manifest.image) }) })}\n`
				);
			else terminal.note(timingLine(result));
			return result.stop_reason !== 'cancelled';
		} finally {
			await model?.dispose();
			await folder.close();
		}
	}
};

async function loadModel(
	source: SourceFolder,
	path: string,
	how: {
		readonly projector: string | undefined;
		readonly transparency: Transparency | undefined;
		readonly device: NodeBackendName;
	},
	terminal: Terminal
): Promise<HoneybeeModel> {
	const root = resolve(path);
	const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
	return HoneybeeModel.load({
		backend: await openDevice(how.device, root, folder.manifest, terminal),
		folder,
		decodeImage,
		...(how.projector !== undefined && { projector: how.projector }),
		...(how.transparency !== undefined && { transparency: how.transparency }),
		onProgress: (progress) => terminal.progress(loadLine(progress))
	});
}

async function readImage(path: string): Promise<ImageInput> {
	const file = await openFile(path);
	try {
		const bytes = await file.read(0, file.size);
		return { id: await sha256(bytes), bytes, name: basename(path) };
	} finally {
		await file.close();
	}
}

/** Streams the text of an answer unless it is printed as JSON. */
async function answer(
	model: HoneybeeModel,
	request: AnswerRequest,
	terminal: Terminal,
	{ json, recorder }: { readonly json: boolean; readonly recorder: TraceRecorder | undefined }
): Promise<AnswerResult> {
	let shown = 0;
	const show = (text: string) => {
		if (!json) terminal.write(text.slice(shown));
		shown = text.length;
	};
	const recording: Pick<Answerer, 'answer'> = {
		answer: (asked, control) => model.answer(asked, { ...control, ...(recorder && { recorder }) })
	};
	const result = await drain(recording, request, {
		signal: terminal.signal,
		onText: show,
		onStage: (stage) => terminal.progress(stage === 'decode' && !json ? '' : `${stage} …`)
	});
	terminal.progress('');
	show(result.text);
	if (!json) terminal.write('\n');
	return result;
}

async function writeTrace(path: string, recorder: TraceRecorder, model: string): Promise<void> {
	await writeOutput(path, writeSafetensors(Object.entries(recorder.trace), { model }));
}

function describe(
	result: AnswerResult,
	{ reference, provenance: { followed } }: ModelManifest
): Readonly<Record<string, unknown>> {
	const { text, ids, prompt_ids, timings_ms, tokens_per_second, backend, dtype } = result;
	return {
		...{ text, ids, prompt_ids, timings_ms, tokens_per_second, backend, dtype },
		...(reference !== undefined && { reference }),
		...(followed && { followed })
	};
}

function timingLine({ timings_ms, tokens_per_second, ids, dtype }: AnswerResult): string {
	const stages = (Object.entries(timings_ms) as [string, number][]).map(
		([stage, ms]) => `${stage} ${Math.round(ms)} ms`
	);
	return `${stages.join(', ')}; ${ids.length} tokens, ${tokens_per_second.toFixed(1)} per second; ${dtype}`;
}

function loadLine({ stage, what, loaded, total }: LoadProgress): string {
	return stage === 'weights'
		? `checking ${what}: ${sizeInWords(loaded)} of ${sizeInWords(total)}`
		: `loading ${what} …`;
}

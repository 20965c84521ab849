import { rm } from 'node:fs/promises';
import { basename, join, resolve as absolute } from 'node:path';
import { sizeInWords } from '../lib/bytes/sizes.ts';
import { convert } from '../lib/model/convert/convert.ts';
import { parseDType } from '../lib/model/convert/dtypes.ts';
import type { OpenCheckpoint } from '../lib/model/convert/pick.ts';
import { planConversion } from '../lib/model/convert/plan.ts';
import { transparencies } from '../lib/model/image/transparency.ts';
import { openSources } from '../lib/model/convert/source.ts';
import { WORTH_THREADS } from '../lib/model/convert/thread-pool.ts';
import { oneOf, parseOptions, positionals, type Command } from './command.ts';
import { archiveKind, unpackBeside } from './conversion/archive.ts';
import { openCheckpointAt, type CheckpointLocation } from './conversion/input.ts';
import {
	downloadCheckpoint,
	downloadFolder,
	downloadModel,
	downloadTokenizer,
	isPublished
} from './conversion/hub.ts';
import { openConversionThreads } from './conversion/threads.ts';
import { openFolder, type Closable } from './io/disk.ts';
import { sha256 } from './io/hash.ts';
import { openFolderSink } from './io/sink.ts';

export const convertCommand: Command = {
	synopsis:
		'CHECKPOINT OUT_DIR [--dtype fp32|fp16|q4|q4f16] [--tokenizer DIR] [--vision DIR] [--base DIR] [--name NAME] [--projector NAME] [--licence TEXT] [--caveat TEXT] [--knows TEXT] [--transparency drop|white] [--hub URL] [--revision NAME]',
	summary: 'Convert a Honeybee checkpoint to a model folder, or add its projector to one.',
	details: [
		'CHECKPOINT         folder with config.json and the weights (…/last), a LoRA folder, an fp32 model folder, or a .tar',
		'                   or .tar.gz of one; a .tar is read as it is, a .tar.gz is unpacked to OUT_DIR.unpacked for the time; or',
		'                   a model of the Hugging Face Hub, OWNER/NAME, which is downloaded to OUT_DIR.download for the time',
		'OUT_DIR            model folder to write; work cut short is continued by the same command',
		'--dtype TYPE       fp32 (as given), fp16, q4 (4-bit language model), q4f16',
		'--tokenizer DIR    folder of the Llama-2 or Vicuna tokenizer, which official checkpoints do not hold; or OWNER/NAME',
		"--vision DIR       folder of the vision tower, where the checkpoint names one and has it not (LLaVA's own form); the one it names",
		'                   is looked for beside the checkpoint',
		"--base DIR         folder of a LoRA adapter's base, or OWNER/NAME; else what its base_model_name_or_path names is looked for",
		'--name NAME        name of the model (the name of OUT_DIR)',
		'--projector NAME   name of the projector in OUT_DIR, for several of one type with different M',
		'--licence TEXT     what the weights may be used under, kept in the model: checkpoints do not say it',
		'--caveat TEXT      what its training forbids to conclude from maps of its tokens, kept in the model, told at figures',
		'--knows TEXT       what a model of the workbench’s scenes was trained on, told beside its answers about other pictures',
		'--transparency T   of transparent pictures, kept in the model: drop sees the colours under alpha, as all references do (as when',
		'                   left out); white lays them on white, as transformers 5.24 does',
		'--hub URL          server of published models (HF_ENDPOINT, else https://huggingface.co); a token for gated ones is HF_TOKEN',
		'--revision NAME    branch, tag or commit of a published model (main)'
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parseOptions({
			args: [...args],
			allowPositionals: true,
			options: {
				dtype: { type: 'string', default: 'fp32' },
				tokenizer: { type: 'string' },
				vision: { type: 'string' },
				base: { type: 'string' },
				name: { type: 'string' },
				projector: { type: 'string' },
				licence: { type: 'string' },
				caveat: { type: 'string' },
				knows: { type: 'string' },
				transparency: { type: 'string' },
				hub: { type: 'string' },
				revision: { type: 'string' }
			}
		});
		const [from, to] = positionals(rest, 'CHECKPOINT', 'OUT_DIR');
		const dtype = parseDType(values.dtype);
		const transparency =
			values.transparency === undefined
				? undefined
				: oneOf('--transparency', values.transparency, transparencies);
		const kind = archiveKind(from);
		const unpacked = kind === 'tar.gz' ? await unpackBeside(from, to, terminal) : undefined;
		const root = downloadFolder(to);
		const hub = { host: values.hub, revision: values.revision };
		const published =
			kind === undefined && (await isPublished(from))
				? await downloadCheckpoint(from, root, terminal, { ...hub, base: values.base })
				: undefined;
		const tokenizerFolder =
			values.tokenizer !== undefined && (await isPublished(values.tokenizer))
				? await downloadTokenizer(values.tokenizer, root, terminal, { host: values.hub })
				: (values.tokenizer ?? published?.tokenizer);
		const vision = values.vision ?? published?.vision;
		const base =
			values.base !== undefined && !published?.base && (await isPublished(values.base))
				? (await downloadModel(values.base, join(root, values.base), terminal, { host: values.hub })).folder
				: (published?.base ?? values.base);
		const location: CheckpointLocation = {
			...(unpacked
				? { kind: 'tree', path: unpacked }
				: { kind: kind === 'tar' ? 'tar' : 'folder', path: published?.folder ?? from }),
			...(vision !== undefined && { vision }),
			...(base !== undefined && { base })
		};
		const opened: Closable[] = [];
		let withdraw: (() => Promise<void>) | undefined;
		const kept = <T extends Closable>(what: T) => (opened.unshift(what), what);
		try {
			const found = kept(
				await openCheckpointAt(location).catch(async (error: unknown) => {
					if (unpacked) await rm(unpacked, { recursive: true });
					throw error;
				})
			);
			const { checkpoint } = found;
			const tokenizer =
				tokenizerFolder === undefined ? found.tokenizer : kept(await openFolder(tokenizerFolder));
			const sink = kept(await openFolderSink(to));
			withdraw = () => sink.withdraw();
			const projectorName = values.projector;
			const licence = values.licence ?? published?.licence;
			const threads =
				(await weightsOf(found)) < WORTH_THREADS
					? undefined
					: kept(openConversionThreads({ location, sink: to, dtype, projectorName }));
			const manifest = await convert({
				checkpoint,
				...(tokenizer && { tokenizer }),
				sink,
				dtype,
				name: values.name ?? basename(absolute(to)),
				...(projectorName !== undefined && { projectorName }),
				...(licence !== undefined && { licence }),
				...(values.caveat !== undefined && { caveat: values.caveat }),
				...(values.knows !== undefined && { knows: values.knows }),
				...(transparency !== undefined && { transparency }),
				resolve: found.resolve,
				createHash: sha256,
				...(threads && { threads }),
				onProgress: ({ stage, what, done, total }) =>
					terminal.progress(
						`${stage === 'hash' ? 'hashing' : 'writing'} ${what}: ${sizeInWords(done)} of ${sizeInWords(total)}`
					),
				onNotes: (notes) => notes.forEach((note) => terminal.warn(note)),
				signal: terminal.signal
			});
			terminal.progress('');
			terminal.write(
				`${to}: ${manifest.name}, ${manifest.dtype}, ${Object.keys(manifest.projectors).join(', ')}; weights ${sizeInWords(manifest.memory.weights)}\n`
			);
		} catch (error) {
			// Refused before anything of it was written: nothing is left of it.
			await withdraw?.();
			throw error;
		} finally {
			for (const thing of opened) await thing.close();
		}
		if (unpacked) await rm(unpacked, { recursive: true });
		await rm(root, { recursive: true, force: true });
		return true;
	}
};

/** Bytes of weights, those below an adapter included, as float16: about what a checkpoint is stored in. */
async function weightsOf({ checkpoint, resolve }: OpenCheckpoint): Promise<number> {
	const { shards } = planConversion(await openSources(checkpoint, resolve), { dtype: 'fp16' });
	return shards.reduce((sum, { size }) => sum + size, 0);
}

import { basename, resolve } from 'node:path';
import { convert } from '../lib/model/convert/convert.ts';
import { parseDType } from '../lib/model/convert/dtypes.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { formatBytes, parse, positionals, type Command } from './command.ts';
import { openFolder } from './io/disk.ts';
import { sha256 } from './io/hash.ts';
import { openFolderSink } from './io/sink.ts';

export const convertCommand: Command = {
	synopsis:
		'CHECKPOINT_DIR OUT_DIR [--dtype fp32|fp16|q4|q4f16] [--tokenizer DIR] [--name NAME] [--projector NAME]',
	summary: 'Convert a Honeybee checkpoint folder to a model folder, or add its projector to one.',
	details: [
		'CHECKPOINT_DIR     folder with config.json and the weights (…/last), a LoRA folder, or an fp32 model folder',
		'OUT_DIR            model folder to write; work cut short is continued by the same command',
		'--dtype TYPE       fp32 (as given), fp16, q4 (4-bit language model), q4f16',
		'--tokenizer DIR    folder of the Llama-2 or Vicuna tokenizer, which official checkpoints do not hold',
		'--name NAME        name of the model (the name of OUT_DIR)',
		'--projector NAME   name of the projector in OUT_DIR, for several of one type with different M'
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parse({
			args: [...args],
			allowPositionals: true,
			options: {
				dtype: { type: 'string', default: 'fp32' },
				tokenizer: { type: 'string' },
				name: { type: 'string' },
				projector: { type: 'string' }
			}
		});
		const [from, to] = positionals(rest, 'CHECKPOINT_DIR', 'OUT_DIR');
		const dtype = parseDType(values.dtype);
		const checkpoint = await openFolder(from);
		const tokenizer = values.tokenizer === undefined ? undefined : await openFolder(values.tokenizer);
		const sink = await openFolderSink(to);
		const bases: Awaited<ReturnType<typeof openFolder>>[] = [];
		try {
			const manifest = await convert({
				checkpoint,
				...(tokenizer && { tokenizer }),
				sink,
				dtype,
				name: values.name ?? basename(resolve(to)),
				...(values.projector !== undefined && { projectorName: values.projector }),
				async resolve(path) {
					try {
						const base = await openFolder(resolve(from, path));
						bases.push(base);
						return base;
					} catch (error) {
						if (error instanceof InputError) return undefined;
						throw error;
					}
				},
				createHash: sha256,
				onProgress: ({ stage, what, done, total }) =>
					terminal.progress(
						`${stage === 'hash' ? 'hashing' : 'writing'} ${what}: ${formatBytes(done)} of ${formatBytes(total)}`
					),
				signal: terminal.signal
			});
			terminal.note(
				`${to}: ${manifest.name}, ${manifest.dtype}, ${Object.keys(manifest.projectors).join(', ')}; weights ${formatBytes(manifest.memory.weights)}`
			);
			return true;
		} finally {
			for (const folder of [checkpoint, tokenizer, sink, ...bases]) await folder?.close?.();
		}
	}
};

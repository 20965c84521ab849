import { sizeInWords } from '../lib/bytes/sizes.ts';
import { readText } from '../lib/checkpoint/bytes.ts';
import type { TensorEntry } from '../lib/checkpoint/checkpoint.ts';
import { peftBasePath, readPeftConfig, type PeftConfig } from '../lib/checkpoint/peft.ts';
import type { SourceFolder } from '../lib/checkpoint/source.ts';
import type { HoneybeeConfig } from '../lib/model/config.ts';
import type { OpenCheckpoint } from '../lib/model/convert/pick.ts';
import { hasTokenizer } from '../lib/model/convert/tokenizer.ts';
import { planConversion } from '../lib/model/convert/plan.ts';
import { openSources } from '../lib/model/convert/source.ts';
import { familyOf } from '../lib/model/families/registry.ts';
import { MANIFEST_FILE, type ModelManifest, type TokenRule } from '../lib/model/manifest.ts';
import { projectorDefinition, projectorOf } from '../lib/model/projectors/registry.ts';
import { familyInWords, languageDetails, languageInWords, visionInWords } from '../lib/model/words.ts';
import { openModelFolder, type ModelFolder } from '../lib/model/runtime/model-folder.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { bytesPerElement, elementCount } from '../lib/tensor/tensor.ts';
import { parseOptions, positionals, type Command, type Terminal } from './command.ts';
import { openCheckpointAt } from './conversion/input.ts';
import { hashOnDisk } from './hash-on-disk.ts';
import { isPublished, readPublished } from './conversion/hub.ts';
import { openFolder, type Closable } from './io/disk.ts';

export const inspect: Command = {
	synopsis: 'CHECKPOINT_OR_MODEL_DIR [--tensors] [--vision DIR] [--base DIR] [--hub URL] [--revision NAME]',
	summary: 'Show what a checkpoint or a model folder holds, and check it.',
	details: [
		'A checkpoint: its configuration after migration, its tensors with type and shape, what is left over, and whether it can be converted.',
		'A model folder: its parts, and whether every file is the one that was written.',
		'A model of the Hugging Face Hub, OWNER/NAME: as a checkpoint; of its weights only what describes them is fetched.',
		'--tensors             every tensor on a line of its own; otherwise those of one pattern, such as a layer’s, stand together'
	],
	async run(args, terminal) {
		const { values, positionals: rest } = parseOptions({
			args: [...args],
			allowPositionals: true,
			options: {
				tensors: { type: 'boolean', default: false },
				vision: { type: 'string' },
				base: { type: 'string' },
				hub: { type: 'string' },
				revision: { type: 'string' }
			}
		});
		const [path] = positionals(rest, 'CHECKPOINT_OR_MODEL_DIR');
		const { tensors, vision, base, hub: host, revision } = values;
		const again = [
			'npx honeybee convert',
			path,
			'OUT_DIR',
			...(vision === undefined ? [] : [`--vision ${vision}`]),
			...(base === undefined ? [] : [`--base ${base}`])
		];
		if (await isPublished(path)) {
			await inspectCheckpoint(await readPublished(path, terminal, { host, revision }), terminal, {
				...{ tensors, published: true },
				command: again.join(' ')
			});
			return true;
		}
		const folder = await openFolder(path);
		try {
			if (await folder.open(MANIFEST_FILE)) await inspectModel(folder, path, terminal);
			else
				await inspectCheckpoint(
					await openCheckpointAt({
						kind: 'folder',
						path,
						...(vision !== undefined && { vision }),
						...(base !== undefined && { base })
					}),
					terminal,
					{ tensors, published: false, command: again.join(' ') }
				);
			return true;
		} finally {
			await folder.close();
		}
	}
};

async function inspectModel(source: SourceFolder, path: string, terminal: Terminal): Promise<void> {
	const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(path) });
	const { manifest } = folder;
	terminal.write(`${modelLines(manifest).join('\n')}\n`);
	await checkFiles(folder, terminal);
	terminal.write(`verdict    whole; ask it: npx honeybee ask --model ${path} --image FILE --prompt TEXT\n`);
}

/** What becomes of a picture. @param side pixels of what the tower sees */
const pictures: Readonly<Record<ModelManifest['views'], (side: number) => string>> = {
	one: (side) => `one view each, ${side} px`,
	tiles: (side) => `tiles, as many as the picture asks for, ${side} px`,
	several: (side) => `several views each, the same of every picture, ${side} px`,
	sizes: (side) => `one view each, in the picture's own size up to the area of ${side} × ${side} px`
};

/** How many visual tokens there are, and what decides it. */
function tokensInWords(rule: TokenRule, M: number, most: number): string {
	const words: Readonly<Record<TokenRule, string>> = {
		fixed: `M ${M}`,
		squares: `M ${M} (or another square up to ${most})`,
		prefix: `M ${M} (or any up to ${most})`,
		picture: `M as the picture's size asks for (${M} for the largest square one)`
	};
	return words[rule];
}

/** Which published kind of model it is, how its checkpoint is spelled, whose computation is followed. */
function familyLines(
	title: string,
	{ spelling, reference, views, image }: Pick<ModelManifest, 'spelling' | 'reference' | 'views' | 'image'>
): string[] {
	return [
		`family     ${familyInWords(title, spelling)}`,
		`pictures   ${pictures[views](image.size)}`,
		...(reference === undefined ? [] : [`reference  ${reference}`])
	];
}

function modelLines(manifest: ModelManifest): string[] {
	const { dtypes, memory, provenance } = manifest;
	return [
		`model      ${manifest.name} (format ${manifest.format_version}, ${manifest.dtype})`,
		...familyLines(familyOf(manifest).title, manifest),
		...towerLines(manifest.config),
		`dtypes     vision ${dtypes.vision}, projector ${dtypes.projector}, embedding ${dtypes.embedding}, language ${dtypes.language}, cache ${manifest.kv_dtype}`,
		`memory     weights ${sizeInWords(memory.weights)}, cache ${sizeInWords(memory.kv_per_token)} per token`,
		`template   ${manifest.prompt.template}; in a whole prompt (--raw-prompt) ${familyOf(manifest).prompt.placeholder} stands for each image`,
		...(provenance.licence ? [`licence    ${provenance.licence}`] : []),
		...(provenance.caveat ? [`caveat     ${provenance.caveat}`] : []),
		...(provenance.followed ?? []).map((reading) => `followed   ${reading}`),
		...(provenance.knows ? [`knows      ${provenance.knows}`] : []),
		...provenance.sources.map(({ checkpoint, projector }) => `source     ${checkpoint} (${projector})`),
		...Object.entries(manifest.projectors).map(
			([name, entry]) =>
				`projector  ${name}: ${entry.title}, ${tokensInWords(entry.tokens_by, entry.num_query_tokens, entry.most_tokens)}${entry.num_eos_tokens ? ` + ${entry.num_eos_tokens} eos` : ''}, features of ${entry.feature_layers.length === 1 ? 'layer' : 'layers'} ${entry.feature_layers.join(', ')}`
		)
	];
}

async function checkFiles(folder: ModelFolder, terminal: Terminal): Promise<void> {
	const problems: string[] = [];
	for (const { path, size } of folder.manifest.files) {
		terminal.signal.throwIfAborted();
		terminal.progress(`checking ${path} …`);
		let verdict = 'ok';
		try {
			await folder.check(path);
		} catch (error) {
			if (!(error instanceof InputError)) throw error;
			problems.push(path);
			verdict = 'MISSING OR DAMAGED';
		}
		terminal.progress('');
		terminal.write(`file       ${path}  ${sizeInWords(size)}  ${verdict}\n`);
	}
	if (problems.length)
		throw new InputError(
			`${folder.name} has missing or damaged files: ${problems.join(', ')}; copy them again or convert the checkpoint again.`
		);
}

/** Everything that the checkpoint says and holds, then what a conversion would lack or leave out. */
async function inspectCheckpoint(
	opened: OpenCheckpoint & Closable,
	terminal: Terminal,
	{ tensors, published, command }: Verdict
): Promise<void> {
	try {
		const { checkpoint: folder } = opened;
		const adapter = await readPeftConfig(folder);
		// Before its base is looked for, which may not be here.
		if (adapter) terminal.write(`adapter    ${adapterInWords(adapter)}\n`);
		const sources = await openSources(folder, opened.resolve);
		const { config, state, definition, about, base } = sources[0]!;
		const { num_query_tokens: M, num_eos_tokens: K, feature_layer_index } = config.projector_config;
		const { tokensBy } = projectorDefinition(config.projector_config.projector_type);
		const { name, title } = projectorOf(config.projector_config);
		const entries = [...state.entries.values()];
		const parameters = entries.reduce((sum, entry) => sum + elementCount(entry.dims), 0);
		const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
		const licence = await licenceOf(folder);
		const tokenizer = await tokenizerOf(base && !(await hasTokenizer(folder)) ? base : folder);
		terminal.write(
			[
				`checkpoint ${folder.name}`,
				...familyLines(definition.title, about),
				...towerLines(config),
				`projector  ${name}: ${title}, ${tokensBy === 'picture' ? tokensInWords(tokensBy, M, M) : `M ${M}`}${K ? ` + ${K} eos` : ''}, feature ${typeof feature_layer_index === 'number' ? 'layer' : 'layers'} ${[feature_layer_index].flat().join(', ')}`,
				`tokenizer  ${tokenizer ?? 'missing'}`,
				`licence    ${licence ?? 'not said in the folder'}`,
				`tensors    ${entries.length}, ${(parameters / 1e6).toFixed(2)} million values, ${sizeInWords(bytes)}`,
				...tensorLines(entries, tensors)
			].join('\n') + '\n'
		);
		const { unused, notes } = planOf(sources, terminal);
		terminal.write(
			[
				...unused.map(
					({ module, count, expected }) =>
						`unused     ${module} (${count})${expected ? ', as in every checkpoint of this kind' : ''}`
				),
				...notes.map((note) => `note       ${note}`),
				tokenizer === undefined && !published && opened.tokenizer === undefined
					? `verdict    can be converted with a tokenizer, which it does not hold: ${command} --tokenizer DIR`
					: `verdict    can be converted: ${command}`
			]
				.map((line) => `${line}\n`)
				.join('')
		);
	} finally {
		await opened.close();
	}
}

/** What an adapter is and what it is for. */
const adapterInWords = (adapter: PeftConfig): string =>
	`LoRA of rank ${adapter.r}, alpha ${adapter.lora_alpha}${adapter.use_rslora ? ' (over the root of the rank)' : ''}, over the base ${peftBasePath(adapter)}`;

/** What is said at the end. */
interface Verdict {
	/** Every tensor on its own line. */
	readonly tensors: boolean;
	/** What the Hub names beside the model, such as its tokenizer, is found by a conversion. */
	readonly published: boolean;
	/** That converts it. */
	readonly command: string;
}

/** The plan of a conversion. @throws InputError after a line that says that there is none */
function planOf(sources: Parameters<typeof planConversion>[0], terminal: Terminal) {
	try {
		return planConversion(sources, { dtype: 'fp32' });
	} catch (error) {
		terminal.write('verdict    cannot be converted\n');
		throw error;
	}
}

/** Tensors with type and shape; those whose names differ in their numbers alone stand together, unless all are asked for. */
function tensorLines(entries: readonly TensorEntry[], all: boolean): string[] {
	const shape = ({ dtype, dims }: TensorEntry) => `${dtype}  [${dims.join(', ')}]`;
	const groups = Map.groupBy(entries, (entry) =>
		all ? entry.name : `${entry.name.replace(/\d+/g, '#')}  ${shape(entry)}`
	);
	return [...groups.values()].map((group) => {
		const numbers = group.map(({ name }) => (name.match(/\d+/g) ?? []).map(Number));
		let place = 0;
		const name = group[0]!.name.replace(/\d+/g, (own) => {
			const found = [...new Set(numbers.map((of) => of[place]!))].sort((a, b) => a - b);
			place++;
			if (found.length === 1) return own;
			const [low, high] = [found[0]!, found.at(-1)!];
			return high - low + 1 === found.length ? `{${low}–${high}}` : `{${found.join(',')}}`;
		});
		return `tensor     ${name}  ${shape(group[0]!)}${group.length > 1 ? `  (${group.length})` : ''}`;
	});
}

/** The tokenizer's file, where the folder has one. */
async function tokenizerOf(folder: SourceFolder): Promise<string | undefined> {
	for (const name of ['tokenizer.json', 'tokenizer.model']) if (await folder.open(name)) return name;
	return undefined;
}

/** The licence that a model card names in its first lines. */
async function licenceOf(folder: SourceFolder): Promise<string | undefined> {
	const card = await folder.open('README.md');
	const [, head] = /^---\r?\n(.*?)\r?\n---/s.exec(card ? await readText(card) : '') ?? [];
	return /^licen[cs]e:\s*(\S.*)$/m.exec(head ?? '')?.[1];
}

function towerLines(config: Omit<HoneybeeConfig, 'projector_config'>): string[] {
	const named = config.lm_config.pretrained_lm_name_or_path;
	return [
		`vision     ${visionInWords(config)}`,
		`language   ${languageInWords(config)}`,
		`           ${languageDetails(config.text_config).join(', ')}`,
		`based on   ${named === 'unknown' ? 'a language model that the checkpoint does not name' : named}`
	];
}

function entryBytes({ dtype, dims }: TensorEntry): number {
	return elementCount(dims) * bytesPerElement[dtype];
}

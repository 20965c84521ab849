import { InputError } from '../tensor/errors.ts';
import { isObject, readJsonObject } from './bytes.ts';
import type { Checkpoint, TensorEntry } from './checkpoint.ts';
import { openSafetensors } from './safetensors.ts';
import type { ByteSource, SourceFolder } from './source.ts';
import { openTorchZip } from './torch.ts';

/** In the order of preference of Hugging Face's loader: safetensors first, one file before shards. */
const layouts = [
	'model.safetensors',
	'model.safetensors.index.json',
	'pytorch_model.bin',
	'pytorch_model.bin.index.json'
] as const;

/** A checkpoint and the weight files it lies in (without the index). */
export interface FolderCheckpoint extends Checkpoint {
	readonly files: readonly string[];
}

/** Opens a folder's weights, whole or in shards, by reading headers alone. */
export async function openCheckpoint(folder: SourceFolder): Promise<FolderCheckpoint> {
	for (const layout of layouts) {
		const source = await folder.open(layout);
		if (!source) continue;
		if (layout.endsWith('.index.json')) return openShards(folder, source);
		return { ...(await openWeights(source)), files: [layout] };
	}
	const paths = await folder.list();
	const [index, another] = paths.filter((path) => /^[^/]+\.(safetensors|bin)\.index\.json$/.test(path));
	const source = index !== undefined && another === undefined ? await folder.open(index) : undefined;
	if (source) return openShards(folder, source);
	throw new InputError(explainMissing(folder.name, paths));
}

/** One weight file, by its extension: `.safetensors`, or a file of torch.save. */
export function openWeights(source: ByteSource): Promise<Checkpoint> {
	return source.name.endsWith('.safetensors') ? openSafetensors(source) : openTorchZip(source);
}

function explainMissing(folder: string, paths: readonly string[]): string {
	if (paths.includes('adapter_config.json'))
		return `${folder} is a PEFT adapter; its base model's folder is needed as well.`;
	const shard = paths.find((path) => /^[^/]+-\d+-of-\d+\.(bin|safetensors)$/.test(path));
	if (shard)
		return `${folder} has weight shards (${shard}) but no index (${shard.replace(/-\d+-of-\d+/, '')}.index.json); copy that file too.`;
	const below = paths.find((path) => layouts.some((layout) => path.endsWith(`/${layout}`)));
	if (below)
		return `${folder} has no weights, but its folder ${below.slice(0, below.lastIndexOf('/'))} has; give that one.`;
	return `${folder} has no weights: ${layouts.join(', ')} are looked for.`;
}

/** Shards and their index; a key's location comes from the index alone. */
async function openShards(folder: SourceFolder, index: ByteSource): Promise<FolderCheckpoint> {
	const { weight_map: weightMap } = await readJsonObject(index);
	if (!isObject(weightMap) || Object.keys(weightMap).length === 0)
		throw new InputError(`${index.name} has no weight_map; copy or download it again.`);
	const keysOf = new Map<string, string[]>();
	for (const [key, file] of Object.entries(weightMap)) {
		if (typeof file !== 'string' || !isInside(file))
			throw new InputError(
				`${index.name} puts ${key} into ${JSON.stringify(file)}, which is not a file of the folder.`
			);
		const keys = keysOf.get(file);
		if (keys) keys.push(key);
		else keysOf.set(file, [key]);
	}

	const shards = new Map<string, Checkpoint>();
	for (const [file, keys] of keysOf) {
		const source = await folder.open(file);
		if (!source)
			throw new InputError(
				`${folder.name} lacks ${file}, which ${index.name} names for ${keys.length} tensors; copy or download it.`
			);
		const shard = await openWeights(source);
		const missing = keys.filter((key) => !shard.entries.has(key));
		if (missing.length > 0)
			throw new InputError(
				`${file} lacks ${nameSome(missing)}, which ${index.name} puts there; index and shards belong to different checkpoints.`
			);
		shards.set(file, shard);
	}

	const shardOf = new Map<string, Checkpoint>();
	const entries = new Map<string, TensorEntry>();
	for (const [file, keys] of keysOf) {
		const shard = shards.get(file)!;
		for (const key of keys) {
			shardOf.set(key, shard);
			entries.set(key, shard.entries.get(key)!);
		}
	}
	return {
		files: [...keysOf.keys()],
		entries,
		async read(name) {
			const shard = shardOf.get(name);
			if (!shard) throw new InputError(`${folder.name} has no tensor ${name}.`);
			return shard.read(name);
		},
		parts: (name) => shardOf.get(name)?.parts?.(name)
	};
}

/** A relative path that stays in its folder. */
function isInside(path: string): boolean {
	return (
		!/[\\:\0]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
	);
}

/** Up to three names and how many more there are. */
export function nameSome(names: readonly string[]): string {
	const shown = names.slice(0, 3).join(', ');
	return names.length > 3 ? `${shown} and ${names.length - 3} more tensors` : shown;
}

import { isObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import { readJsonObject } from './bytes.ts';
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

/**
 * Opens a folder's weights, whole or in shards, by reading headers alone. Where a folder holds two saves (one file, and shards with
 * their index), the one that Hugging Face's loader prefers is read unless it lacks tensors that the other has; which one is said in `notes`.
 */
export async function openCheckpoint(folder: SourceFolder): Promise<FolderCheckpoint> {
	for (const layout of layouts) {
		const source = await folder.open(layout);
		if (!source) continue;
		const opened = layout.endsWith('.index.json')
			? await openShards(folder, source)
			: await openSingle(folder, layout, source);
		return withPassedOver(folder, layout, opened);
	}
	const paths = await folder.list();
	const [index, another] = paths.filter((path) => /^[^/]+\.(safetensors|bin)\.index\.json$/.test(path));
	const source = index !== undefined && another === undefined ? await folder.open(index) : undefined;
	if (source) return openShards(folder, source);
	throw new InputError(explainMissing(folder.name, paths));
}

/** Says which save in torch's format is not read, where one in safetensors is. */
async function withPassedOver(
	folder: SourceFolder,
	layout: (typeof layouts)[number],
	opened: FolderCheckpoint
): Promise<FolderCheckpoint> {
	if (!layout.startsWith('model.')) return opened;
	for (const other of layouts.filter((one) => !one.startsWith('model.')))
		if (await folder.open(other)) {
			const note = `${other} is passed over: ${layout} is read, as Hugging Face's loader does where both are there.`;
			return { ...opened, notes: [...(opened.notes ?? []), note] };
		}
	return opened;
}

/** One weight file, unless an index beside it describes more than it holds. */
async function openSingle(
	folder: SourceFolder,
	file: (typeof layouts)[number],
	source: ByteSource
): Promise<FolderCheckpoint> {
	const whole = { ...(await openWeights(source)), files: [file] };
	const index = await folder.open(`${file}.index.json`);
	if (!index) return whole;
	const keys = Object.keys(await readWeightMap(index));
	const absent = keys.filter((key) => !whole.entries.has(key) && !whole.unreadable?.has(key));
	if (absent.length === 0)
		return { ...whole, notes: [`${index.name} is passed over: ${file} holds all that it names.`] };
	const sharded = await openShards(folder, index);
	return {
		...sharded,
		notes: [
			...(sharded.notes ?? []),
			`${file} is passed over: it has ${whole.entries.size} of the ${keys.length} tensors that ${index.name} names.`
		]
	};
}

/** Tensor → file of an index. */
async function readWeightMap(index: ByteSource): Promise<Readonly<Record<string, unknown>>> {
	const { weight_map: weightMap } = await readJsonObject(index);
	if (!isObject(weightMap) || Object.keys(weightMap).length === 0)
		throw new InputError(`${index.name} has no weight_map; copy or download it again.`);
	return weightMap;
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
	if (paths.length === 0)
		return `${folder} is empty; give the folder of a checkpoint, which holds config.json and the weights.`;
	return `${folder} has no weights: ${layouts.join(', ')} are looked for; give the folder that holds them and config.json.`;
}

/**
 * Shards and their index. The files are what counts, as for Hugging Face's loader: a tensor that lies in another of them than the index
 * says, or that it does not name, is read. An index of an earlier save, whose shards are gone while others hold every tensor it names, is
 * passed over.
 */
async function openShards(folder: SourceFolder, index: ByteSource): Promise<FolderCheckpoint> {
	const weightMap = await readWeightMap(index);
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
		if (!source) {
			const others = await openOtherShards(folder, index, keysOf);
			if (others) return others;
			throw new InputError(
				`${folder.name} lacks ${file}, which ${index.name} names for ${keys.length} tensors; copy or download it.`
			);
		}
		shards.set(file, await openWeights(source));
	}

	return readAsFiles(folder.name, index.name, keysOf, shards);
}

/** Shards that an index names, as their files have them; what the index says otherwise stands in `notes`. */
function readAsFiles(
	folderName: string,
	index: string,
	keysOf: ReadonlyMap<string, readonly string[]>,
	shards: ReadonlyMap<string, Checkpoint>
): FolderCheckpoint {
	const named = new Set([...keysOf.values()].flat());
	const holds = ({ entries, unreadable }: Checkpoint, key: string) =>
		entries.has(key) || unreadable?.has(key) === true;
	const lost = [...named].filter((key) => ![...shards.values()].some((shard) => holds(shard, key)));
	const moved = [...keysOf].flatMap(([file, keys]) =>
		keys.filter((key) => !lost.includes(key) && !holds(shards.get(file)!, key))
	);
	const inFiles = new Map([...shards].map(([file, { entries }]) => [file, [...entries.keys()]]));
	const unnamed = [...inFiles.values()].flat().filter((key) => !named.has(key));
	const wrong = [
		...(moved.length > 0 ? [`puts ${nameSome(moved)} into another file`] : []),
		...(unnamed.length > 0
			? [`does not name ${nameSome(unnamed)}, which transformers 4 leaves out and 5 reads`]
			: []),
		...(lost.length > 0 ? [`names ${nameSome(lost)}, which none of its files hold`] : [])
	];
	const joined = joinShards(folderName, wrong.length > 0 ? inFiles : keysOf, shards);
	if (wrong.length === 0) return joined;
	const why = `is named by ${index}, and none of its files hold it; index and shards belong to different checkpoints`;
	return {
		...joined,
		unreadable: new Map([...(joined.unreadable ?? []), ...lost.map((key) => [key, why] as const)]),
		notes: [`${index} ${wrong.join(' and ')}: it is of another save, and the files are read as they are.`]
	};
}

/** The shards of the folder that the index does not name, when they hold every tensor that it does name. */
async function openOtherShards(
	folder: SourceFolder,
	index: ByteSource,
	keysOf: ReadonlyMap<string, readonly string[]>
): Promise<FolderCheckpoint | undefined> {
	const [named] = keysOf.keys();
	const family = (path: string) => /^([^/]*)-\d+-of-(\d+)\.(safetensors|bin)$/.exec(path);
	const [, stem, , kind] = family(named ?? '') ?? [];
	const groups = Map.groupBy(
		(await folder.list()).filter((path) => {
			const [, itsStem, , itsKind] = family(path) ?? [];
			return stem !== undefined && itsStem === stem && itsKind === kind && !keysOf.has(path);
		}),
		(path) => family(path)![2]!
	);
	for (const paths of groups.values()) {
		const shards = new Map<string, Checkpoint>();
		const found = new Map<string, string[]>();
		for (const path of paths.sort()) {
			const source = await folder.open(path);
			if (!source) continue;
			const shard = await openWeights(source);
			shards.set(path, shard);
			found.set(path, [...shard.entries.keys()]);
		}
		const have = new Set(
			[...shards.values()].flatMap(({ entries, unreadable }) => [
				...entries.keys(),
				...(unreadable?.keys() ?? [])
			])
		);
		if (![...keysOf.values()].flat().every((key) => have.has(key))) continue;
		return {
			...joinShards(folder.name, found, shards),
			notes: [
				`${index.name} is of another save and is passed over: it names ${keysOf.size} shards that are not here, and the ${shards.size} that are hold every tensor it names.`
			]
		};
	}
	return undefined;
}

/** Shards as one checkpoint, with the tensors that are to be taken from each. */
function joinShards(
	folderName: string,
	keysOf: ReadonlyMap<string, readonly string[]>,
	shards: ReadonlyMap<string, Checkpoint>
): FolderCheckpoint {
	const shardOf = new Map<string, Checkpoint>();
	const entries = new Map<string, TensorEntry>();
	const unreadable = new Map<string, string>();
	for (const [file, keys] of keysOf) {
		const shard = shards.get(file)!;
		for (const key of keys) {
			const entry = shard.entries.get(key);
			if (!entry) continue;
			shardOf.set(key, shard);
			entries.set(key, entry);
		}
		for (const [key, why] of shard.unreadable ?? []) unreadable.set(key, why);
	}
	return {
		files: [...keysOf.keys()],
		entries,
		unreadable,
		async read(name) {
			const shard = shardOf.get(name);
			if (!shard) throw new InputError(`${folderName} has no tensor ${name}.`);
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

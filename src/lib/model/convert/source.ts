import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openCheckpoint, openWeights } from '../../checkpoint/folder.ts';
import { withoutPrefix } from '../../checkpoint/prefix.ts';
import { openPeft, peftBasePath, readPeftConfig } from '../../checkpoint/peft.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import type { HoneybeeConfig } from '../config.ts';
import type { FamilyDefinition, FamilyModel } from '../families/definition.ts';
import { folderFiles } from '../families/folder.ts';
import { canonicalKeys, underCanonicalKeys, type KeyTable } from '../keys.ts';
import { familyOf } from '../families/registry.ts';
import { recogniseFamily } from '../families/recognise.ts';
import type { ModelManifest } from '../manifest.ts';
import { projectorOf } from '../projectors/registry.ts';
import { readManifest } from '../runtime/check-manifest.ts';
import { StateDict } from '../state-dict.ts';
import { PREFIX as VISION } from '../vision/graph.ts';
import { towerKeys } from '../vision/tower-keys.ts';
import { towerOf } from '../vision/towers.ts';
import { openModelFolderCheckpoint } from './model-folder.ts';
import { PROJECTOR_ALONE, type FolderResolver } from './pick.ts';
import { followedReadings } from './versions.ts';

/** One projector to convert, with the state dict that holds it and both towers. */
export interface ConversionSource {
	readonly projector: string;
	/** The projector's usual name, when it was given another one. */
	readonly family?: string;
	readonly config: HoneybeeConfig;
	readonly state: StateDict;
	readonly definition: FamilyDefinition;
	/** What the model folder says of the family and of how it is spelled. */
	readonly about: Pick<ModelManifest, 'family' | 'spelling' | 'reference' | 'views' | 'image' | 'prompt'>;
	/** Tokens that the family adds behind the tokenizer's own; they are in a model folder's tokenizer already. */
	readonly addedTokens?: readonly string[];
	/** What the user should know of the folder, in whole sentences. */
	readonly notes: readonly string[];
	/** Those of them that say which reading is followed where releases of transformers differ. */
	readonly followed: readonly string[];
	/** The folder that the vision tower was taken from, where it is another one. */
	readonly vision?: SourceFolder;
	/** The base that an adapter was merged into. */
	readonly base?: SourceFolder;
	/** M values it was trained at. */
	readonly trainedTokens: readonly number[];
	/** It comes out of a model folder, which holds what its graphs need and nothing else. */
	readonly converted?: boolean;
}

/** Everything in the folder that can be converted: one projector for a checkpoint, all of them for a model folder. */
export async function openSources(
	folder: SourceFolder,
	resolve: FolderResolver,
	projectorName?: string
): Promise<ConversionSource[]> {
	const manifest = await readManifest(folder);
	if (manifest && projectorName !== undefined)
		throw new InputError(
			`${folder.name} is a model folder, whose projectors have names already; leave the projector name out.`
		);
	if (manifest)
		return Promise.all(
			Object.entries(manifest.projectors).map(async ([projector, entry]) => ({
				projector,
				config: { ...manifest.config, projector_config: entry.config },
				definition: familyOf(manifest),
				about: aboutModel(manifest),
				notes: [],
				followed: [],
				...(entry.family !== undefined && { family: entry.family }),
				state: new StateDict(await openModelFolderCheckpoint(folder, manifest, projector), {
					sameCountIsEnough: true
				}),
				trainedTokens: entry.trained_tokens,
				converted: true
			}))
		);

	await refuseProjectorAlone(folder);
	const adapter = await readPeftConfig(folder);
	let whole: Checkpoint;
	let baseFolder: SourceFolder | undefined;
	if (adapter) {
		const wanted = peftBasePath(adapter);
		const base = await resolve(wanted, 'base');
		if (!base)
			throw new InputError(
				`${folder.name} is a LoRA checkpoint whose base model ${wanted} (base_model_name_or_path of adapter_config.json) was not found; give it with --base, a folder or a name on the Hub, or put both folders together on the page.`
			);
		baseFolder = base;
		whole = await openCheckpoint(base);
	} else whole = await openCheckpoint(folder);

	const own = await folderFiles(folder);
	const below = baseFolder && (await folderFiles(baseFolder));
	// An adapter's folder says what training changed; the rest is its base's.
	const said = {
		name: folder.name,
		json: { ...below?.json, ...own.json },
		text: { ...below?.text, ...own.text }
	};
	const json = said.json['config.json'];
	if (!json)
		throw new InputError(
			`${folder.name} has no config.json; give the folder that holds the weights (…/last).`
		);
	const definition = recogniseFamily(json, folder.name, [...whole.entries.keys()]);
	const { keys } = definition;
	const checkpoint = adapter ? await openPeft(folder, whole, spelledIn(whole, keys)) : whole;
	const bare = withoutPrefix(checkpoint, (key) => canonicalKeys(keys, key) !== undefined);
	const canonical = underCanonicalKeys(bare, keys);
	const wanted = definition.visionFolder?.(json);
	const visionFolder = wanted === undefined ? undefined : await resolve(wanted, 'vision');
	const towerInside = hasTower(canonical);
	const tower = towerInside || !visionFolder ? undefined : await openCheckpoint(visionFolder);
	const complete = towerInside ? canonical : withTower(canonical, { folder, visionFolder, wanted, tower });
	const model = definition.parse({
		...said,
		entries: complete.entries,
		stored: [...bare.entries.keys()],
		...(visionFolder && { vision: await folderFiles(visionFolder) })
	});
	const { config } = model;
	const stored = [...bare.entries.keys(), ...(tower?.entries.keys() ?? [])];
	const followed = followedReadings(json, model.tied, complete.entries.keys(), stored);
	const usual = projectorOf(config.projector_config).name;
	const projector = projectorName ?? usual;
	if (!/^[\w.-]+$/.test(projector))
		throw new InputError(
			`"${projector}" cannot name a projector; use letters, digits, dots, hyphens and underscores.`
		);
	return [
		{
			projector,
			...(projector !== usual && { family: usual }),
			config,
			definition,
			about: {
				family: definition.name,
				...(model.spelling !== undefined && { spelling: model.spelling }),
				...(model.reference !== undefined && { reference: model.reference }),
				views: viewsOf(model, definition),
				image: model.image,
				prompt: model.prompt
			},
			state: new StateDict(complete),
			...(!towerInside && visionFolder && { vision: visionFolder }),
			...(baseFolder && { base: baseFolder }),
			...(model.addedTokens && { addedTokens: model.addedTokens }),
			notes: [...(model.notes ?? []), ...followed],
			followed,
			trainedTokens: model.trainedTokens ?? [config.projector_config.num_query_tokens]
		}
	];
}

/**
 * How a checkpoint spells a tensor that an adapter names in another spelling of the family: PEFT has the names in memory, which differ from
 * stored ones with the release of transformers.
 */
function spelledIn({ entries }: Checkpoint, keys: KeyTable): (name: string) => string {
	const only = (name: string) => {
		const found = canonicalKeys(keys, name);
		return found?.length === 1 ? found[0] : undefined;
	};
	const stored = new Map([...entries.keys()].map((name) => [only(name), name]));
	return (name) => {
		const canonical = entries.has(name) ? undefined : only(name);
		return (canonical !== undefined && stored.get(canonical)) || name;
	};
}

/** What a picture becomes. */
function viewsOf({ config, image }: FamilyModel, definition: FamilyDefinition): ModelManifest['views'] {
	if (towerOf(config.vision_config).anySize) return 'sizes';
	const { fixedViews } = definition.imageProcessor(image);
	return fixedViews === undefined ? 'tiles' : fixedViews === 1 ? 'one' : 'several';
}

async function refuseProjectorAlone(folder: SourceFolder): Promise<void> {
	const source = await folder.open(PROJECTOR_ALONE);
	if (!source || (await folder.list()).some((path) => isWeights(path))) return;
	const { entries } = await openWeights(source);
	const shapes = [...entries.values()]
		.filter(({ dims }) => dims.length === 2)
		.map(({ dims }) => dims.join('×'));
	throw new InputError(
		`${folder.name} holds ${PROJECTOR_ALONE} alone, a projector of LLaVA's form (matrices ${shapes.join(', ')}) without the vision tower and the language model around it; give the folder of the whole model.`
	);
}

/** The weights of a whole model in the top folder. */
const isWeights = (path: string) =>
	/^(model|pytorch_model|adapter_model)[^/]*\.(safetensors|bin)$/.test(path);

const isTowerKey = (key: string) => key.startsWith(`${VISION}.`);
const hasTower = ({ entries }: Checkpoint) => [...entries.keys()].some(isTowerKey);

const aboutModel = ({
	family,
	spelling,
	reference,
	views,
	image,
	prompt
}: ModelManifest): ConversionSource['about'] => ({
	...{ family, views, image, prompt },
	...(spelling !== undefined && { spelling }),
	...(reference !== undefined && { reference })
});

/** The checkpoint with the vision tower that lies in a folder of its own. */
function withTower(
	checkpoint: Checkpoint,
	{
		folder,
		visionFolder,
		wanted,
		tower: opened
	}: {
		readonly folder: SourceFolder;
		readonly visionFolder: SourceFolder | undefined;
		readonly wanted: string | undefined;
		/** What `visionFolder` holds. */
		readonly tower: Checkpoint | undefined;
	}
): Checkpoint {
	// Without a name for it the tower is missed where its tensors are asked for.
	if (wanted === undefined) return checkpoint;
	if (!visionFolder || !opened)
		throw new InputError(
			`${folder.name} holds no vision tower: it is ${wanted}, in a folder of its own; give that folder, too (--vision DIR, or both folders together on the page).`
		);
	const tower = underCanonicalKeys(opened, towerKeys);
	if (!tower.entries.has(`${VISION}.embeddings.patch_embedding.weight`))
		throw new InputError(
			`${visionFolder.name} holds no CLIP vision tower, which ${folder.name} takes from ${wanted}; give the folder of that model.`
		);
	const inTower = (name: string) => isTowerKey(name) && tower.entries.has(name);
	return {
		entries: new Map([...checkpoint.entries, ...[...tower.entries].filter(([name]) => isTowerKey(name))]),
		unreadable: new Map([
			...(checkpoint.unreadable ?? []),
			...[...(tower.unreadable ?? [])].filter(([name]) => isTowerKey(name))
		]),
		notes: [...(checkpoint.notes ?? []), `The vision tower is the one of ${visionFolder.name}.`],
		read: (name) => (inTower(name) ? tower : checkpoint).read(name),
		parts: (name) => (inTower(name) ? tower : checkpoint).parts?.(name)
	};
}

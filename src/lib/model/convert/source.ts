import { readJsonObject } from '../../checkpoint/bytes.ts';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openCheckpoint } from '../../checkpoint/folder.ts';
import { openPeft, peftBasePath, readPeftConfig } from '../../checkpoint/peft.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import type { HoneybeeConfig } from '../config.ts';
import type { ModelManifest } from '../manifest.ts';
import { parseConfig } from '../parse-config.ts';
import { projectorDefinition } from '../projectors/registry.ts';
import { StateDict } from '../state-dict.ts';
import { openModelFolderCheckpoint } from './model-folder.ts';

/** One projector to convert, with the state dict that holds it and both towers. */
export interface ConversionSource {
	readonly projector: string;
	readonly config: HoneybeeConfig;
	readonly state: StateDict;
	/** M values it was trained at. */
	readonly trainedTokens: readonly number[];
}

/** Opens a folder named by a checkpoint (a PEFT base), relative to the checkpoint's own folder. */
export type FolderResolver = (path: string) => Promise<SourceFolder | undefined>;

/** Reads `honeybee.json` when the folder is a converted model. */
export async function readManifest(folder: SourceFolder): Promise<ModelManifest | undefined> {
	const source = await folder.open('honeybee.json');
	if (!source) return undefined;
	const json = await readJsonObject(source);
	if (json.format !== 'honeybee-model' || json.format_version !== 1)
		throw new InputError(
			`${folder.name}/honeybee.json is not of format honeybee-model, version 1; convert the checkpoint again with this version.`
		);
	return json as unknown as ModelManifest;
}

/** Everything in the folder that can be converted: one projector for a checkpoint, all of them for a model folder. */
export async function openSources(
	folder: SourceFolder,
	resolve: FolderResolver
): Promise<ConversionSource[]> {
	const manifest = await readManifest(folder);
	if (manifest)
		return Promise.all(
			Object.entries(manifest.projectors).map(async ([projector, entry]) => ({
				projector,
				config: { ...manifest.config, projector_config: entry.config },
				state: new StateDict(await openModelFolderCheckpoint(folder, manifest, projector), {
					sameCountIsEnough: true
				}),
				trainedTokens: entry.trained_tokens
			}))
		);

	const adapter = await readPeftConfig(folder);
	let checkpoint: Checkpoint;
	let configFolder = folder;
	if (adapter) {
		const wanted = peftBasePath(adapter);
		const base = await resolve(wanted);
		if (!base)
			throw new InputError(
				`${folder.name} is a LoRA checkpoint whose base model ${wanted} was not found; put the base checkpoint there.`
			);
		checkpoint = await openPeft(folder, await openCheckpoint(base));
		if (!(await folder.open('config.json'))) configFolder = base;
	} else checkpoint = await openCheckpoint(folder);

	const configFile = await configFolder.open('config.json');
	if (!configFile)
		throw new InputError(
			`${folder.name} has no config.json; give the folder that holds the weights (…/last).`
		);
	const config = parseConfig(await readJsonObject(configFile));
	const projector = projectorDefinition(config.projector_config.projector_type).name(config.projector_config);
	return [
		{
			projector,
			config,
			state: new StateDict(checkpoint),
			trainedTokens: [config.projector_config.num_query_tokens]
		}
	];
}

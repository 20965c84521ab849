import { isObject, type JsonObject } from '../../bytes/json.ts';
import { readJsonObject } from '../../checkpoint/bytes.ts';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openCheckpoint } from '../../checkpoint/folder.ts';
import { withoutPrefix } from '../../checkpoint/prefix.ts';
import { openPeft, peftBasePath, readPeftConfig } from '../../checkpoint/peft.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import type { HoneybeeConfig } from '../config.ts';
import { parseConfig } from '../parse-config.ts';
import { projectorOf } from '../projectors/registry.ts';
import { readManifest } from '../runtime/check-manifest.ts';
import { StateDict } from '../state-dict.ts';
import { PREFIX as LANGUAGE } from '../language/graph.ts';
import { PREFIX as PROJECTOR } from '../projectors/parts.ts';
import { PREFIX as VISION } from '../vision/graph.ts';
import { openModelFolderCheckpoint } from './model-folder.ts';

/** One projector to convert, with the state dict that holds it and both towers. */
export interface ConversionSource {
	readonly projector: string;
	/** The projector's usual name, when it was given another one. */
	readonly family?: string;
	readonly config: HoneybeeConfig;
	readonly state: StateDict;
	/** M values it was trained at. */
	readonly trainedTokens: readonly number[];
	/** It comes out of a model folder, which holds what its graphs need and nothing else. */
	readonly converted?: boolean;
}

/** Opens a folder named by a checkpoint (a PEFT base), relative to the checkpoint's own folder. */
export type FolderResolver = (path: string) => Promise<SourceFolder | undefined>;

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
				...(entry.family !== undefined && { family: entry.family }),
				state: new StateDict(await openModelFolderCheckpoint(folder, manifest, projector), {
					sameCountIsEnough: true
				}),
				trainedTokens: entry.trained_tokens,
				converted: true
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
	const json = await readJsonObject(configFile);
	const config = parseConfig(json);
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
			state: new StateDict(withoutPrefix(checkpoint, isModelKey)),
			trainedTokens: trainedTokens(json) ?? [config.projector_config.num_query_tokens]
		}
	];
}

/** Roots of upstream's state dict. */
const roots = [VISION, PROJECTOR, LANGUAGE] as const;
const isModelKey = (key: string) => roots.some((root) => key.startsWith(`${root}.`));

/** `projector_config.trained_tokens`, which upstream's checkpoints do not have. */
function trainedTokens(json: JsonObject): number[] | undefined {
	const section = json.projector_config;
	if (!isObject(section) || section.trained_tokens === undefined) return undefined;
	const value = section.trained_tokens;
	const good = (m: unknown): m is number => typeof m === 'number' && Number.isInteger(m) && m > 0;
	if (!Array.isArray(value) || value.length === 0 || !value.every(good))
		throw new InputError(
			'projector_config.trained_tokens is not a list of positive whole numbers; correct config.json or remove it.'
		);
	return value;
}

import { isObject } from '../../bytes/json.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import type { ProjectorConfig, VisionConfig } from '../config.ts';
import { families, familyNamed } from '../families/registry.ts';
import {
	MANIFEST_FILE,
	tokenPlaces,
	tokenRules,
	type GraphFiles,
	type LanguageGraph,
	type ModelManifest
} from '../manifest.ts';
import { parseProjector } from '../projectors/parse-config.ts';
import type { ModelSource } from './model-source.ts';

type Fields = Record<string, unknown>;

/**
 * Reads and checks the manifest of a model folder; undefined when the folder has none.
 * @throws InputError when it is no manifest that this version can use.
 */
export async function readManifest(
	folder: SourceFolder & Pick<ModelSource, 'load'>
): Promise<ModelManifest | undefined> {
	const bytes = await manifestBytes(folder);
	if (!bytes) return undefined;
	let json: unknown;
	try {
		json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
	} catch {
		throw new InputError(
			`${MANIFEST_FILE} in ${folder.name} is not JSON; copy it or convert the checkpoint again.`
		);
	}
	return checkManifest(json, folder.name);
}

async function manifestBytes(
	folder: SourceFolder & Pick<ModelSource, 'load'>
): Promise<Uint8Array | undefined> {
	if (folder.load) return folder.load(MANIFEST_FILE, { fresh: false, onBytes: () => undefined });
	const file = await folder.open(MANIFEST_FILE);
	return file?.read(0, file.size);
}

/**
 * A parsed `honeybee.json` as a manifest, after checking everything that loading relies on.
 * @param folder Name for messages.
 * @throws InputError naming the field that is missing or wrong.
 */
export function checkManifest(parsed: unknown, folder: string): ModelManifest {
	let json = parsed;
	const refuse = (what: string): never => {
		throw new InputError(
			`${MANIFEST_FILE} in ${folder} ${what}; convert the checkpoint again with this version.`
		);
	};
	if (!isObject(json)) return refuse('is not an object');
	if (json.format !== 'honeybee-model') return refuse('is not the manifest of a model folder');
	if (json.format_version !== 1 && json.format_version !== 2)
		return refuse(`has format version ${String(json.format_version)}, and this version reads 1 and 2`);
	if (json.format_version === 1) json = fromVersion1(json, refuse);
	if (!isObject(json)) return refuse('is not an object');

	const need = (path: string, type: 'string' | 'number' | 'boolean' | 'object' | 'array'): unknown => {
		const value = lookUp(json, path);
		const found = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
		if (found !== type) refuse(`has no usable "${path}" (it should be of type ${type})`);
		return value;
	};
	for (const path of ['name', 'family', 'views', 'dtype', 'kv_dtype', 'tokenizer', 'prompt.template'])
		need(path, 'string');
	try {
		familyNamed(json.family as string);
	} catch (error) {
		if (!(error instanceof InputError)) throw error;
		throw new InputError(`${MANIFEST_FILE} in ${folder}: ${error.message}`);
	}
	if (json.kv_dtype !== 'float32' && json.kv_dtype !== 'float16')
		return refuse(`has kv_dtype "${String(json.kv_dtype)}" instead of float32 or float16`);
	for (const path of [
		'image.size',
		'config.text_config.num_hidden_layers',
		'config.text_config.num_key_value_heads',
		'config.text_config.head_dim',
		'config.text_config.hidden_size',
		'config.text_config.vocab_size',
		'config.text_config.max_position_embeddings',
		'config.text_config.bos_token_id',
		'config.vision_config.hidden_size',
		'config.vision_config.patch_size',
		'config.vision_config.image_size'
	])
		need(path, 'number');
	const eos = lookUp(json, 'config.text_config.eos_token_id');
	if (![eos].flat().every((id) => typeof id === 'number'))
		refuse('has no usable "config.text_config.eos_token_id" (it should be a number or a list of numbers)');
	need('image.mean', 'array');
	need('image.std', 'array');

	const files = need('files', 'array') as unknown[];
	const listed = new Set<string>();
	files.forEach((file, i) => {
		if (!isObject(file) || typeof file.path !== 'string' || typeof file.size !== 'number')
			return refuse(`has no path and size in "files.${i}"`);
		if (typeof file.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(file.sha256))
			return refuse(`has no SHA-256 for ${file.path}`);
		// Paths go to file systems and URLs.
		if (/^[/\\]|(^|[/\\])\.\.([/\\]|$)|:/.test(file.path))
			return refuse(`lists "${file.path}", which is outside the folder`);
		listed.add(file.path);
	});

	const graph = (value: unknown, where: string): void => {
		if (!isObject(value) || typeof value.graph !== 'string' || !Array.isArray(value.weights))
			return refuse(`has no graph and weights in "${where}"`);
		const { graph, weights } = value as unknown as GraphFiles;
		for (const path of [graph, ...weights])
			if (!listed.has(path)) refuse(`uses ${String(path)} in "${where}" without listing it in "files"`);
	};
	for (const part of ['vision', 'embedding', 'lens', 'attention', 'cache'])
		graph(lookUp(json, `graphs.${part}`), `graphs.${part}`);
	const language = need('graphs.language', 'array') as unknown[];
	language.forEach((part, i) => graph(part, `graphs.language.${i}`));
	checkLayers(
		language as LanguageGraph[],
		Number(lookUp(json, 'config.text_config.num_hidden_layers')),
		refuse
	);
	if (!listed.has(json.tokenizer as string))
		return refuse(`names the tokenizer ${String(json.tokenizer)} without listing it in "files"`);

	const projectors = Object.entries(need('projectors', 'object') as Fields);
	if (projectors.length === 0) return refuse('offers no projector');
	const manifest = json as unknown as ModelManifest;
	const checked = projectors.map(([name, entry]) => {
		const where = `projectors.${name}`;
		graph(entry, where);
		const { networks } = (isObject(entry) ? entry : {}) as Fields;
		if (Array.isArray(networks)) networks.forEach((network, i) => graph(network, `${where}.networks.${i}`));
		for (const field of ['num_query_tokens', 'num_eos_tokens', 'most_tokens'])
			need(`${where}.${field}`, 'number');
		for (const field of ['type', 'title']) need(`${where}.${field}`, 'string');
		const layers = need(`${where}.feature_layers`, 'array') as unknown[];
		if (layers.length === 0 || !layers.every((layer) => Number.isInteger(layer)))
			return refuse(`has "${where}.feature_layers" that are not whole numbers`);
		const rule = need(`${where}.tokens_by`, 'string');
		if (!tokenRules.some((known) => known === rule))
			return refuse(`has "${where}.tokens_by" "${String(rule)}"; known are ${tokenRules.join(', ')}`);
		const places = need(`${where}.token_places`, 'string');
		if (!tokenPlaces.some((known) => known === places))
			return refuse(`has "${where}.token_places" "${String(places)}"; known are ${tokenPlaces.join(', ')}`);
		const trained = need(`${where}.trained_tokens`, 'array') as unknown[];
		if (!trained.every((M) => Number.isInteger(M) && Number(M) > 0))
			return refuse(`has "${where}.trained_tokens" that are not whole numbers above 0`);
		const stored = need(`${where}.config`, 'object') as Fields;
		const { type } = manifest.projectors[name]!;
		if (stored.projector_type !== type)
			return refuse(`says in "${where}.config" that the ${type} is a ${String(stored.projector_type)}`);
		return [name, { ...manifest.projectors[name]!, config: configOf(stored, where) }] as const;
	});
	return { ...manifest, projectors: Object.fromEntries(checked) };

	/** As the projector's definition reads it, so that every field is there. */
	function configOf(stored: Fields, where: string): ProjectorConfig {
		const { vision_config, text_config } = manifest.config;
		try {
			return parseProjector(stored, vision_config, text_config, `${where}.config`);
		} catch (error) {
			if (!(error instanceof InputError)) throw error;
			// What to do about a config.json, after the last semicolon, does not help here.
			return refuse(`has a config that cannot be used (${error.message.replace(/(; [^;]*)?\.$/, '')})`);
		}
	}
}

/** A manifest of version 1, of before there were several families, in the words of version 2. */
function fromVersion1(json: Fields, refuse: (what: string) => never): Fields {
	const patches = () => {
		const { image_size, patch_size } = (lookUp(json, 'config.vision_config') ?? {}) as Partial<VisionConfig>;
		return Math.floor(Number(image_size) / Number(patch_size)) ** 2;
	};
	const { projectors } = json;
	const upgraded = Object.entries(isObject(projectors) ? projectors : {}).map(([name, entry]) => {
		if (!isObject(entry)) return [name, entry] as const;
		const { flexible, feature_layer, ...rest } = entry;
		if (typeof flexible !== 'boolean')
			return refuse(`has no usable "projectors.${name}.flexible" (it should be of type boolean)`);
		if (typeof feature_layer !== 'number')
			return refuse(`has no usable "projectors.${name}.feature_layer" (it should be of type number)`);
		return [
			name,
			{
				...rest,
				feature_layers: [feature_layer],
				tokens_by: flexible ? 'squares' : 'fixed',
				most_tokens: flexible ? patches() : entry.num_query_tokens
			}
		] as const;
	});
	return {
		...json,
		format_version: 2,
		family: families[0]!.name,
		views: 'one',
		...(isObject(projectors) && { projectors: Object.fromEntries(upgraded) })
	};
}

/** The language graphs must have every layer once, in order. */
function checkLayers(
	language: readonly Partial<LanguageGraph>[],
	count: number,
	refuse: (what: string) => never
): void {
	if (language.length === 0) return refuse('has no language graph');
	let next = 0;
	for (const { layers } of language) {
		if (layers?.[0] !== next || !(Number(layers[1]) > next))
			return refuse(`has language graphs that do not continue at layer ${next}`);
		next = Number(layers[1]);
	}
	if (next !== count) refuse(`has language graphs of ${next} layers where the model has ${count}`);
}

/** Projector names may hold dots, so the name is whatever lies between the first and the last part. */
function lookUp(json: Fields, path: string): unknown {
	const parts = path.split('.');
	const keys =
		parts[0] === 'projectors' && parts.length > 2
			? ['projectors', parts.slice(1, -1).join('.'), parts.at(-1)!]
			: parts;
	return keys.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), json);
}

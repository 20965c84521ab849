import { InputError } from '../../tensor/errors.ts';
import type { GraphFiles, LanguageGraph, ModelManifest } from '../manifest.ts';

type Fields = Record<string, unknown>;

/**
 * A parsed `honeybee.json` as a manifest, after checking everything that loading relies on.
 * @param folder Name for messages.
 * @throws InputError naming the field that is missing or wrong.
 */
export function checkManifest(json: unknown, folder: string): ModelManifest {
	const refuse = (what: string): never => {
		throw new InputError(
			`honeybee.json in ${folder} ${what}; convert the checkpoint again with this version.`
		);
	};
	if (!isFields(json)) return refuse('is not an object');
	if (json.format !== 'honeybee-model') return refuse('is not the manifest of a model folder');
	if (json.format_version !== 1)
		return refuse(`has format version ${String(json.format_version)}, and this version reads 1`);

	const need = (path: string, type: 'string' | 'number' | 'object' | 'array'): unknown => {
		const value = lookUp(json, path);
		const found = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
		if (found !== type) refuse(`has no usable "${path}" (it should be of type ${type})`);
		return value;
	};
	for (const path of ['name', 'dtype', 'kv_dtype', 'tokenizer', 'prompt.template']) need(path, 'string');
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
		'config.text_config.eos_token_id',
		'config.vision_config.patch_size',
		'config.vision_config.image_size'
	])
		need(path, 'number');
	need('image.mean', 'array');
	need('image.std', 'array');

	const files = need('files', 'array') as unknown[];
	const listed = new Set<string>();
	files.forEach((file, i) => {
		if (!isFields(file) || typeof file.path !== 'string' || typeof file.size !== 'number')
			return refuse(`has no path and size in "files.${i}"`);
		if (typeof file.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(file.sha256))
			return refuse(`has no SHA-256 for ${file.path}`);
		// Paths go to file systems and URLs.
		if (/^[/\\]|(^|[/\\])\.\.([/\\]|$)|:/.test(file.path))
			return refuse(`lists "${file.path}", which is outside the folder`);
		listed.add(file.path);
	});

	const graph = (value: unknown, where: string): void => {
		if (!isFields(value) || typeof value.graph !== 'string' || !Array.isArray(value.weights))
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
	for (const [name, entry] of projectors) {
		graph(entry, `projectors.${name}`);
		for (const field of ['num_query_tokens', 'num_eos_tokens', 'feature_layer'])
			need(`projectors.${name}.${field}`, 'number');
		need(`projectors.${name}.token_places`, 'string');
	}
	return json as unknown as ModelManifest;
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

function isFields(value: unknown): value is Fields {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Projector names may hold dots, so the name is whatever lies between the first and the last part. */
function lookUp(json: Fields, path: string): unknown {
	const parts = path.split('.');
	const keys =
		parts[0] === 'projectors' && parts.length > 2
			? ['projectors', parts.slice(1, -1).join('.'), parts.at(-1)!]
			: parts;
	return keys.reduce<unknown>((value, key) => (isFields(value) ? value[key] : undefined), json);
}

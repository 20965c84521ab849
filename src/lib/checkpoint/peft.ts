import { isObject, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import { toFloat32 } from '../tensor/half.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { readJsonObject } from './bytes.ts';
import type { Checkpoint, TensorEntry } from './checkpoint.ts';
import { openWeights } from './folder.ts';
import type { SourceFolder } from './source.ts';

export const ADAPTER_CONFIG = 'adapter_config.json';
const adapterFiles = ['adapter_model.safetensors', 'adapter_model.bin'] as const;
/** What LLaVA's training writes beside an adapter: modules that were trained whole, the projector above all. */
const NON_LORA = 'non_lora_trainables.bin';

/** The fields of `adapter_config.json` that a merge needs. */
export interface PeftConfig {
	/** As written; empty when the base is the sibling folder `base`. */
	readonly base_model_name_or_path: string;
	readonly r: number;
	readonly lora_alpha: number;
	/** Layers with an alpha of their own: a regular expression for the end of their path, of words and dots alone. */
	readonly alpha_pattern: Readonly<Record<string, number>>;
	readonly has_rank_pattern: boolean;
	/** Scale is alpha / sqrt(r) instead of alpha / r. */
	readonly use_rslora: boolean;
	/** The base's weights are stored [in, out]. */
	readonly fan_in_fan_out: boolean;
	/** Modules saved whole, by the end of their path. */
	readonly modules_to_save: readonly string[];
	/** Rows of an embedding that were trained, by the end of the layer's path. */
	readonly trainable_token_indices: Readonly<Record<string, readonly number[]>>;
}

/** The folder's adapter config, or undefined when it is no PEFT checkpoint. */
export async function readPeftConfig(folder: SourceFolder): Promise<PeftConfig | undefined> {
	const source = await folder.open(ADAPTER_CONFIG);
	return source && parsePeftConfig(await readJsonObject(source), `${ADAPTER_CONFIG} of ${folder.name}`);
}

/** Checks an adapter config; variants of LoRA whose merge is another formula are refused by name. */
export function parsePeftConfig(json: JsonObject, name: string): PeftConfig {
	const refuse = (what: string) =>
		new InputError(`${name} ${what}; merge the adapter with PEFT (merge_and_unload) and convert the result.`);
	if (json.peft_type !== 'LORA') throw refuse(`has peft_type ${String(json.peft_type)}, only LORA is read`);
	for (const key of [
		'use_dora',
		'lora_bias',
		'use_qalora',
		'layer_replication',
		'megatron_config',
		'target_parameters'
	])
		if (isSet(json[key])) throw refuse(`sets ${key}, which is not supported`);
	if (isSet(json.alora_invocation_tokens))
		throw new InputError(
			`${name} sets alora_invocation_tokens: an activated LoRA changes only what follows those tokens, so it cannot be merged into the weights; convert the base without it.`
		);
	// Other initialisations (pissa, olora, corda, loftq) change the base's weights as well.
	const init = json.init_lora_weights;
	if (typeof init === 'string' && !mergeablePlainly.includes(init.toLowerCase()))
		throw refuse(`sets init_lora_weights to ${init}, which changes the base's weights`);
	const { r, lora_alpha: alpha } = json;
	if (!isPositive(r)) throw refuse(`has no valid rank r`);
	if (!isPositive(alpha)) throw refuse(`has no valid lora_alpha`);
	const alphaPattern: Record<string, number> = {};
	for (const [pattern, value] of Object.entries(isObject(json.alpha_pattern) ? json.alpha_pattern : {})) {
		if (!/^[\w.]+$/.test(pattern) || !isPositive(value))
			throw refuse(`has the alpha_pattern ${JSON.stringify(pattern)}; only names of layers are supported`);
		alphaPattern[pattern] = value;
	}
	const saved = json.modules_to_save;
	return {
		base_model_name_or_path:
			typeof json.base_model_name_or_path === 'string' ? json.base_model_name_or_path : '',
		r,
		lora_alpha: alpha,
		alpha_pattern: alphaPattern,
		has_rank_pattern: isSet(json.rank_pattern),
		use_rslora: json.use_rslora === true,
		fan_in_fan_out: json.fan_in_fan_out === true,
		modules_to_save: Array.isArray(saved) ? saved.map(String) : [],
		trainable_token_indices: tokenIndices(json.trainable_token_indices, refuse)
	};
}

/** Initialisations of A and B after which the base is what it was (PEFT 0.21: `LoraLayer.reset_lora_parameters`). */
const mergeablePlainly: readonly string[] = ['gaussian', 'eva', 'orthogonal', 'mica'];

/** A list stands for the input embedding, an object names layers. */
function tokenIndices(
	value: unknown,
	refuse: (what: string) => InputError
): Readonly<Record<string, readonly number[]>> {
	if (!isSet(value)) return {};
	const layers = Array.isArray(value) ? { embed_tokens: value as unknown } : value;
	const isIndex = (index: unknown) => Number.isSafeInteger(index) && (index as number) >= 0;
	if (!isObject(layers) || !Object.values(layers).every((list) => Array.isArray(list) && list.every(isIndex)))
		throw refuse('has trainable_token_indices that are no lists of token ids');
	return layers as Readonly<Record<string, readonly number[]>>;
}

const isPositive = (value: unknown): value is number =>
	typeof value === 'number' && Number.isFinite(value) && value > 0;

const isSet = (value: unknown) =>
	Boolean(value) && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/**
 * Where the base model of an adapter lies, from the adapter's folder: the path in its config (a folder, or a name on the
 * Hub that the caller resolves), or, when that is empty, the sibling folder `base` (upstream's layout: `<run>/last` is
 * the adapter, `<run>/base` a full checkpoint).
 */
export function peftBasePath(config: PeftConfig): string {
	return config.base_model_name_or_path || '../base';
}

/** Rows of an embedding that the adapter holds in place of the base's. */
interface TrainedRows {
	/** Key of the rows [n, width] in the adapter. */
	readonly key: string;
	readonly ids: readonly number[];
}

interface LoraPair {
	readonly a: string;
	readonly b: string;
	readonly scale: number;
}

/**
 * A PEFT folder over its base: `W + scale · B · A` for the layers with LoRA, computed in float32 (and float32 is what
 * `read` gives for them, whatever the base's dtype) one tensor at a time; a module saved whole takes the place of
 * the base's, of which nothing is kept; what LLaVA keeps in a file of its own (`non_lora_trainables.bin`) likewise, tensor by tensor; the rest is
 * the base's.
 *
 * @param inBase how the base spells a tensor that the adapter names otherwise; as the adapter does, when absent
 */
export async function openPeft(
	folder: SourceFolder,
	base: Checkpoint,
	inBase: (name: string) => string = (name) => name
): Promise<Checkpoint> {
	const config = await readPeftConfig(folder);
	if (!config) throw new InputError(`${folder.name} is not a PEFT checkpoint: it has no ${ADAPTER_CONFIG}.`);
	const adapter = await openAdapter(folder);
	const whole = await openWhole(folder);

	const halves = new Map<string, { a?: string; b?: string }>();
	const saved = new Map<string, string>();
	const rows = new Map<string, TrainedRows>();
	for (const [key, { dims }] of adapter.entries) {
		const { layer, part, target: named } = parseKey(folder.name, key);
		const target = inBase(named);
		if (part === 'rows')
			rows.set(target, { key, ids: trainedIds(folder.name, config, layer, base.entries.get(target), dims) });
		else if (part) halves.set(layer, { ...halves.get(layer), [part]: key });
		else saved.set(target, key);
	}
	if (halves.size + saved.size + rows.size === 0)
		throw new InputError(
			`The adapter ${folder.name} holds no tensors, so that it would change nothing; copy its file again, or convert the base alone.`
		);
	const trained = new Map([...(whole?.entries.keys() ?? [])].map((key) => [inBase(wholeName(key)), key]));

	const merged = new Map<string, LoraPair>();
	for (const [layer, { a, b }] of halves) {
		if (!a || !b)
			throw new InputError(`The adapter ${folder.name} has only one of lora_A and lora_B for ${layer}.`);
		const target = inBase(`${layer}.weight`);
		const rank = checkShapes(
			folder.name,
			config,
			target,
			base.entries.get(target),
			adapter.entries.get(a)!,
			adapter.entries.get(b)!
		);
		merged.set(target, { a, b, scale: scaleOf(config, layer, rank) });
	}

	const replaced = savedPrefixes(config, saved.keys());
	const entries = new Map<string, TensorEntry>();
	for (const [name, entry] of base.entries) {
		if (saved.has(name) || trained.has(name) || replaced.some((prefix) => name.startsWith(prefix))) continue;
		entries.set(name, merged.has(name) || rows.has(name) ? { ...entry, dtype: 'float32' } : entry);
	}
	for (const [name, key] of saved) {
		const { dtype, dims } = adapter.entries.get(key)!;
		entries.set(name, { name, dtype, dims });
	}
	for (const [name, key] of trained) {
		if (merged.has(name) || saved.has(name))
			throw new InputError(
				`${folder.name} has ${name} in its adapter and in ${NON_LORA}; which of the two counts cannot be told.`
			);
		const { dtype, dims } = whole!.entries.get(key)!;
		const before = base.entries.get(name)?.dims;
		if (before && before.join() !== dims.join())
			throw new InputError(
				`${NON_LORA} of ${folder.name} has ${name} as [${dims.join(', ')}], its base as [${before.join(', ')}]; it belongs to another base.`
			);
		entries.set(name, { name, dtype, dims });
	}

	return {
		entries,
		unreadable: new Map([
			...(base.unreadable ?? []),
			...(adapter.unreadable ?? []),
			...(whole?.unreadable ?? [])
		]),
		notes: base.notes ?? [],
		async read(name) {
			if (!entries.has(name)) throw new InputError(`${folder.name} and its base have no tensor ${name}.`);
			const key = saved.get(name);
			if (key !== undefined) return adapter.read(key);
			const kept = trained.get(name);
			if (kept !== undefined) return whole!.read(kept);
			const pair = merged.get(name);
			const changed = rows.get(name);
			if (!pair && !changed) return base.read(name);
			const own = toFloat32(await base.read(name));
			const weight = changed ? withRows(own, toFloat32(await adapter.read(changed.key)), changed.ids) : own;
			if (!pair) return weight;
			const a = toFloat32(await adapter.read(pair.a));
			const b = toFloat32(await adapter.read(pair.b));
			return addProduct(weight, a, b, pair.scale, config.fan_in_fan_out);
		},
		parts(name) {
			const key = saved.get(name);
			if (key !== undefined) return adapter.parts?.(key);
			const kept = trained.get(name);
			if (kept !== undefined) return whole!.parts?.(kept);
			return merged.has(name) || rows.has(name) ? undefined : base.parts?.(name);
		}
	};
}

async function openAdapter(folder: SourceFolder): Promise<Checkpoint> {
	for (const file of adapterFiles) {
		const source = await folder.open(file);
		if (source) return openWeights(source);
	}
	throw new InputError(
		`${folder.name} has ${ADAPTER_CONFIG}, but neither ${adapterFiles.join(' nor ')}; copy that file too.`
	);
}

/** LLaVA's file of modules that were trained whole; undefined where there is none. */
async function openWhole(folder: SourceFolder): Promise<Checkpoint | undefined> {
	const source = await folder.open(NON_LORA);
	return source && openWeights(source);
}

/** A key of that file as a checkpoint spells it: training wraps the model once or twice. */
const wholeName = (key: string): string =>
	key.replace(/^base_model\.(model\.)?/, '').replace(/^model\.(?=model\.|lm_head\.)/, '');

/**
 * Splits a key of the adapter. PEFT puts `base_model.model.` in front and `lora_A`, `lora_B` behind a layer's path
 * (`.default` too in files not written by save_pretrained), and `token_adapter.trainable_tokens_delta` behind an embedding's; tensors of
 * a module saved whole keep their names, and a trained bias of a layer with LoRA stands below the layer's `base_layer`.
 */
function parseKey(folder: string, key: string): { layer: string; part?: 'a' | 'b' | 'rows'; target: string } {
	const path = key.replace(/^base_model\.model\./, '').replace('.base_layer.', '.');
	const rows = /^(.+)\.token_adapter\.trainable_tokens_delta(?:\.default)?$/.exec(path);
	if (rows) return { layer: rows[1]!, part: 'rows', target: `${rows[1]!}.weight` };
	const lora = /^(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(path);
	if (lora) return { layer: lora[1]!, part: lora[2] === 'A' ? 'a' : 'b', target: `${lora[1]!}.weight` };
	if (/(^|\.)lora_/.test(path))
		throw new InputError(
			`The adapter ${folder} has ${key}, a part of a LoRA variant that is not supported; merge it with PEFT and convert the result.`
		);
	const target = path.replace(/\.modules_to_save(\.default)?\./, '.');
	return { layer: target, target };
}

/** Ids of the rows [n, width] that an adapter holds for an embedding [vocabulary, width]. */
function trainedIds(
	folder: string,
	{ trainable_token_indices: indices }: PeftConfig,
	layer: string,
	weight: TensorEntry | undefined,
	dims: readonly number[]
): readonly number[] {
	const ids = Object.entries(indices).find(([end]) => layer === end || layer.endsWith(`.${end}`))?.[1];
	if (!ids)
		throw new InputError(
			`The adapter ${folder} has trained rows of ${layer}, but ${ADAPTER_CONFIG} has no trainable_token_indices for it.`
		);
	const [rows, width] = weight?.dims ?? [];
	if (
		!weight ||
		dims.length !== 2 ||
		dims[0] !== ids.length ||
		dims[1] !== width ||
		ids.some((id) => id >= rows!)
	)
		throw new InputError(
			`The adapter ${folder} has rows [${dims.join(', ')}] for ${ids.length} tokens of ${layer}${weight ? ` [${weight.dims.join(', ')}]` : ', which its base does not have'}; it belongs to another base.`
		);
	return ids;
}

/** A weight [vocabulary, width] with some of its rows replaced by [n, width]. */
function withRows(
	{ dtype, dims, data: old }: Tensor<'float32'>,
	rows: Tensor<'float32'>,
	ids: readonly number[]
): Tensor<'float32'> {
	const width = dims[1]!;
	const data = old.slice();
	ids.forEach((id, row) => data.set(rows.data.subarray(row * width, (row + 1) * width), id * width));
	return { dtype, dims, data };
}

/** Paths (with a dot at the end) of the modules that the adapter saves whole and has tensors for. */
function savedPrefixes({ modules_to_save }: PeftConfig, names: Iterable<string>): string[] {
	const prefixes = new Set<string>();
	for (const name of names)
		for (const module of modules_to_save) {
			const at = `.${name}`.indexOf(`.${module}.`);
			if (at >= 0) prefixes.add(name.slice(0, at + module.length + 1));
		}
	return [...prefixes];
}

/** Checks A [r, in], B [out, r] against W [out, in] ([in, out] with fan_in_fan_out); gives r. */
function checkShapes(
	folder: string,
	config: PeftConfig,
	target: string,
	weight: TensorEntry | undefined,
	{ dims: a }: TensorEntry,
	{ dims: b }: TensorEntry
): number {
	if (!weight)
		throw new InputError(
			`The adapter ${folder} changes ${target}, which its base does not have; it belongs to another base.`
		);
	const [rank, columns] = a;
	const [rows] = b;
	const expected = config.fan_in_fan_out ? [columns, rows] : [rows, columns];
	if (a.length !== 2 || b.length !== 2 || b[1] !== rank || weight.dims.join() !== expected.join())
		throw new InputError(
			`The adapter ${folder} has lora_A [${a.join(', ')}] and lora_B [${b.join(', ')}] for ${target} [${weight.dims.join(', ')}], which do not fit together.`
		);
	if (rank !== config.r && !config.has_rank_pattern)
		throw new InputError(
			`The adapter ${folder} has rank ${rank} for ${target}, but ${ADAPTER_CONFIG} says ${config.r}.`
		);
	return rank!;
}

function scaleOf(config: PeftConfig, layer: string, rank: number): number {
	// PEFT's rule (`get_pattern_key`), in which a dot stands for any letter.
	const own = Object.entries(config.alpha_pattern).find(([end]) =>
		new RegExp(`^(.*\\.)?(${end})$`).test(layer)
	);
	const alpha = own ? own[1] : config.lora_alpha;
	return alpha / (config.use_rslora ? Math.sqrt(rank) : rank);
}

/** weight [out, in] + scale · b [out, r] · a [r, in]; the product is transposed when the weight is [in, out]. */
function addProduct(
	weight: Tensor<'float32'>,
	a: Tensor<'float32'>,
	b: Tensor<'float32'>,
	scale: number,
	transposed: boolean
): Tensor<'float32'> {
	const [rank = 0, columns = 0] = a.dims;
	const [rows = 0] = b.dims;
	const data = weight.data.slice();
	const sums = new Float32Array(columns);
	for (let row = 0; row < rows; row++) {
		sums.fill(0);
		for (let k = 0; k < rank; k++) {
			const factor = b.data[row * rank + k]!;
			const start = k * columns;
			for (let column = 0; column < columns; column++) sums[column]! += factor * a.data[start + column]!;
		}
		for (let column = 0; column < columns; column++)
			data[transposed ? column * rows + row : row * columns + column]! += scale * sums[column]!;
	}
	return { dtype: 'float32', dims: weight.dims, data };
}

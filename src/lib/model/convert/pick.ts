import { readJsonObject } from '../../checkpoint/bytes.ts';
import { MANIFEST_FILE } from '../manifest.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';

/** Opens a folder that a checkpoint names, relative to its own: the base of an adapter, or the vision tower's. */
export type FolderResolver = (path: string, role: 'base' | 'vision') => Promise<SourceFolder | undefined>;

/** What LLaVA's first stage of training leaves: a projector without the models around it. */
export const PROJECTOR_ALONE = 'mm_projector.bin';

const WEIGHTS = /^(model|pytorch_model|adapter_model)[^/]*\.(safetensors|bin)(\.index\.json)?$/;

/** What lies among files that were dropped or unpacked. Each is a folder's path; '' is the top. */
export interface Found {
	/** Folders with config.json and weights, or with a LoRA adapter. */
	readonly checkpoints: readonly string[];
	/** Folders with LLaVA's projector and no other weights. */
	readonly projectors: readonly string[];
	/** Converted model folders. */
	readonly models: readonly string[];
	/** Folders with tokenizer.json or tokenizer.model. */
	readonly tokenizers: readonly string[];
}

/** Looks through the paths of a folder for what can be converted. */
export function findFolders(paths: readonly string[]): Found {
	const inFolder = new Map<string, Set<string>>();
	for (const path of paths) {
		const slash = path.lastIndexOf('/');
		const folder = path.slice(0, Math.max(slash, 0));
		const names = inFolder.get(folder) ?? new Set();
		inFolder.set(folder, names.add(path.slice(slash + 1)));
	}
	const checkpoints: string[] = [];
	const projectors: string[] = [];
	const models: string[] = [];
	const tokenizers: string[] = [];
	for (const [folder, names] of inFolder) {
		const weights = [...names].some((name) => WEIGHTS.test(name));
		if (names.has(MANIFEST_FILE)) models.push(folder);
		else if (names.has('adapter_config.json') || (names.has('config.json') && weights))
			checkpoints.push(folder);
		else if (names.has(PROJECTOR_ALONE) && !weights) projectors.push(folder);
		if (names.has('tokenizer.json') || names.has('tokenizer.model')) tokenizers.push(folder);
	}
	return { checkpoints, projectors, models, tokenizers };
}

/**
 * The one checkpoint folder to convert: a LoRA adapter before the base that lies beside it. Without any it is that of a projector alone,
 * of which conversion then says what is missing around it.
 * @throws InputError when there is none, or more than one
 */
export function pickCheckpoint(
	name: string,
	paths: readonly string[],
	towers: readonly string[] = []
): { path: string; tokenizer?: string } {
	const found = findFolders(paths);
	const { tokenizers } = found;
	const checkpoints = found.checkpoints.filter((folder) => !towers.includes(folder));
	const adapters = checkpoints.filter((folder) => paths.includes(inside(folder, 'adapter_config.json')));
	const whole = adapters.length > 0 ? adapters : checkpoints;
	const [path, another] = whole.length > 0 ? whole : found.projectors.slice(0, 1);
	if (path === undefined)
		throw new InputError(
			`${name} holds no checkpoint: a folder with config.json and the weights (pytorch_model… or model….safetensors) is needed; official ones lie in "last".`
		);
	if (another !== undefined)
		throw new InputError(
			`${name} holds ${checkpoints.length} checkpoints (${path || 'the top folder'}, ${another}, …); choose one of the folders.`
		);
	const tokenizer = tokenizers.includes(path) ? path : tokenizers.length === 1 ? tokenizers[0] : undefined;
	return tokenizer === undefined ? { path } : { path, tokenizer };
}

/** A checkpoint folder that can be read anywhere, with what it refers to. */
export interface OpenCheckpoint {
	readonly checkpoint: SourceFolder;
	readonly tokenizer: SourceFolder | undefined;
	readonly resolve: FolderResolver;
}

/** Finds the checkpoint in a folder. @throws InputError when there is none, or several */
export async function openCheckpointIn(folder: SourceFolder): Promise<OpenCheckpoint> {
	const paths = await folder.list();
	const towers = await findTowers(folder, paths);
	const { path, tokenizer } = pickCheckpoint(folder.name, paths, towers);
	return {
		checkpoint: subfolder(folder, path),
		tokenizer: tokenizer === undefined ? undefined : subfolder(folder, tokenizer),
		async resolve(relative, role) {
			const places = [`${path}/${relative}`];
			// The one tower that there is will do, whatever it is called here.
			if (role === 'vision') places.push(`${path}/../${relative}`, ...(towers.length === 1 ? towers : []));
			// So will the one whole checkpoint, as an adapter's base.
			if (role === 'base') places.push(...basesIn(paths, [path, ...towers]));
			const there = places
				.map(normal)
				.find((place) => place !== '' && paths.some((file) => file.startsWith(`${place}/`)));
			return there === undefined ? undefined : subfolder(folder, there);
		}
	};
}

/** The one whole checkpoint beside an adapter; none where there are several. */
function basesIn(paths: readonly string[], others: readonly string[]): string[] {
	const whole = findFolders(paths).checkpoints.filter(
		(folder) =>
			!others.includes(folder) && folder !== '' && !paths.includes(inside(folder, 'adapter_config.json'))
	);
	return whole.length === 1 ? whole : [];
}

/** A path without `.` and `..`. */
function normal(path: string): string {
	const parts: string[] = [];
	for (const part of path.split('/'))
		if (part === '..') parts.pop();
		else if (part !== '' && part !== '.') parts.push(part);
	return parts.join('/');
}

/** Folders of vision towers: what other folders take theirs from, and no model by itself. */
async function findTowers(folder: SourceFolder, paths: readonly string[]): Promise<string[]> {
	const towers: string[] = [];
	for (const path of paths.filter((file) => /(^|\/)config\.json$/.test(file))) {
		const source = await folder.open(path);
		const config = source && (await readJsonObject(source).catch(() => undefined));
		if (typeof config?.model_type === 'string' && /^(clip|siglip)(_vision_model)?$/.test(config.model_type))
			towers.push(path.slice(0, Math.max(path.lastIndexOf('/'), 0)));
	}
	return towers;
}

/** A folder below another one. */
export function subfolder(
	folder: SourceFolder,
	path: string,
	name = folder.name ? `${folder.name}/${path}` : path
): SourceFolder {
	if (path === '') return folder;
	return {
		name,
		async list() {
			const prefix = `${path}/`;
			return (await folder.list())
				.filter((file) => file.startsWith(prefix))
				.map((file) => file.slice(prefix.length));
		},
		open: (file) => folder.open(inside(path, file))
	};
}

function inside(folder: string, file: string): string {
	return folder === '' ? file : `${folder}/${file}`;
}

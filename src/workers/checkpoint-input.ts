import { blobSource } from '../lib/checkpoint/memory.ts';
import type { ByteSource, SourceFolder } from '../lib/checkpoint/source.ts';
import { openTar } from '../lib/checkpoint/tar.ts';
import { pickCheckpoint, subfolder } from '../lib/model/convert/pick.ts';
import type { FolderResolver } from '../lib/model/convert/source.ts';
import { InputError } from '../lib/tensor/errors.ts';
import type { PickedFile } from './convert-api.ts';

/** A checkpoint folder that can be read anywhere, with what it refers to. */
export interface OpenCheckpoint {
	readonly checkpoint: SourceFolder;
	readonly tokenizer: SourceFolder | undefined;
	readonly resolve: FolderResolver;
}

/** Files that were dropped or picked, as a folder. */
export function filesFolder(name: string, files: readonly PickedFile[]): SourceFolder {
	const byPath = new Map(files.map(({ path, file }) => [path, blobSource(path, file)]));
	return {
		name,
		list: async () => [...byPath.keys()],
		open: async (path) => byPath.get(path)
	};
}

/** The one compressed archive among the files, if that is what was given. */
export function gzipArchive(files: readonly PickedFile[]): PickedFile | undefined {
	const [only, another] = files.filter(({ path }) => /\.(tar\.gz|tgz)$/i.test(path));
	return only && !another && !files.some(({ path }) => path.endsWith('/config.json')) ? only : undefined;
}

/** The folder that was given: the files themselves, or what a .tar among them holds. @throws InputError */
export async function openFiles(files: readonly PickedFile[]): Promise<SourceFolder> {
	if (files.length === 0)
		throw new InputError('The folder is empty; choose the one that holds the checkpoint.');
	const [tar] = files.filter(({ path }) => /\.tar$/i.test(path));
	if (tar && files.length === 1) return openTar(blobSource(tar.path, tar.file));
	const top = files[0]!.path.split('/')[0]!;
	const whole = files.every(({ path }) => path.startsWith(`${top}/`));
	return whole
		? subfolder(filesFolder('', files), top, top)
		: filesFolder(files.length === 1 ? files[0]!.path : 'the files', files);
}

/** Finds the checkpoint in a folder. @throws InputError when there is none, or several */
export async function openCheckpointIn(folder: SourceFolder): Promise<OpenCheckpoint> {
	const paths = await folder.list();
	const { path, tokenizer } = pickCheckpoint(folder.name, paths);
	return {
		checkpoint: subfolder(folder, path),
		tokenizer: tokenizer === undefined ? undefined : subfolder(folder, tokenizer),
		async resolve(relative) {
			const parts: string[] = [];
			for (const part of `${path}/${relative}`.split('/'))
				if (part === '..') parts.pop();
				else if (part !== '' && part !== '.') parts.push(part);
			const base = parts.join('/');
			return paths.some((file) => file.startsWith(`${base}/`)) ? subfolder(folder, base) : undefined;
		}
	};
}

/** The folder with the tokenizer among files picked for it. @throws InputError */
export function openTokenizerFiles(files: readonly PickedFile[]): SourceFolder {
	const own = files.find(({ path }) => /(^|\/)tokenizer\.(json|model)$/.test(path));
	if (!own)
		throw new InputError(
			'No tokenizer is among these files: tokenizer.json or tokenizer.model of Llama-2 or Vicuna is needed.'
		);
	const slash = own.path.lastIndexOf('/');
	return subfolder(filesFolder('the tokenizer', files), own.path.slice(0, Math.max(slash, 0)));
}

/** Size of the files of a folder that a conversion reads. */
export async function sizeOf(folder: SourceFolder): Promise<number> {
	let size = 0;
	for (const path of await folder.list()) {
		const source: ByteSource | undefined = /^[^/]*\.(bin|safetensors|json)$/.test(path)
			? await folder.open(path)
			: undefined;
		size += source?.size ?? 0;
	}
	return size;
}

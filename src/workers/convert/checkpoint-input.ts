import { blockwise } from '../../lib/checkpoint/blockwise.ts';
import { blobSource } from '../../lib/checkpoint/memory.ts';
import type { ByteSource, SourceFolder } from '../../lib/checkpoint/source.ts';
import { openTar } from '../../lib/checkpoint/tar.ts';
import { openCheckpointIn, subfolder, type OpenCheckpoint } from '../../lib/model/convert/pick.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { CheckpointInput, PickedFile } from './api.ts';
import { openDownloaded, publishedNote } from './published.ts';
import { opfsDirectory, opfsFolder, OPFS_STAGING } from '../../lib/browser/opfs.ts';

/** Files that were dropped or picked, as a folder. */
export function filesFolder(name: string, files: readonly PickedFile[]): SourceFolder {
	const byPath = new Map(files.map(({ path, file }) => [path, blockwise(blobSource(path, file))]));
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
	if (tar && files.length === 1) return openTar(blockwise(blobSource(tar.path, tar.file)));
	const top = files[0]!.path.split('/')[0]!;
	const whole = files.every(({ path }) => path.startsWith(`${top}/`));
	return whole
		? subfolder(filesFolder('', files), top, top)
		: filesFolder(files.length === 1 ? files[0]!.path : 'the files', files);
}

/** The checkpoint in a folder that `inputFolder` gave. @throws InputError when there is none, or several */
export async function openInput(folder: SourceFolder): Promise<OpenCheckpoint> {
	const note = await publishedNote(folder);
	return note ? openDownloaded(folder, note) : openCheckpointIn(folder);
}

/** Tells that an archive was unpacked, or a published model downloaded, as a whole. */
export const STAGED = 'unpacked.json';

/** What was unpacked or downloaded as a whole for a model of that name. */
export async function stagedFolder(name: string): Promise<SourceFolder | undefined> {
	const handle = await opfsDirectory([OPFS_STAGING, name]);
	if (!handle) return undefined;
	const folder = opfsFolder(name, handle);
	return (await folder.open(STAGED)) ? folder : undefined;
}

/** The folder in which a checkpoint lies. @throws InputError */
export async function inputFolder(input: CheckpointInput): Promise<SourceFolder> {
	if (input.kind === 'files') {
		if (gzipArchive(input.files))
			throw new InputError(
				"A .tar.gz is unpacked into the browser's storage, which is not available here; unpack it and choose the folder."
			);
		return openFiles(input.files);
	}
	if (input.kind === 'published')
		throw new InputError(
			`This browser gives the page no storage, into which ${input.name} would be downloaded; use another browser window, or convert it with the command line.`
		);
	const staged = await stagedFolder(input.name);
	if (!staged) throw new InputError(`No unpacked archive waits for "${input.name}"; choose it again.`);
	return {
		...staged,
		async open(path) {
			const source = await staged.open(path);
			return source && blockwise(source);
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

/** Size of the weight files in a folder and below it. */
export async function weightsBelow(folder: SourceFolder): Promise<number> {
	let size = 0;
	for (const path of await folder.list())
		if (/\.(bin|safetensors)$/.test(path)) size += (await folder.open(path))?.size ?? 0;
	return size;
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

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gigabytes, sizeInWords } from '../../lib/bytes/sizes.ts';
import {
	isTokenizerFile,
	openPublishedAt,
	publishedParts,
	type PublishedPart
} from '../../lib/model/convert/published.ts';
import {
	HUB,
	hubPieces,
	isHubName,
	neededFiles,
	openHub,
	type HubFile,
	type HubModel
} from '../../lib/checkpoint/hub.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { OpenCheckpoint } from '../../lib/model/convert/pick.ts';
import type { Terminal } from '../command.ts';
import type { Closable } from '../io/disk.ts';

export interface HubOptions {
	readonly host?: string | undefined;
	readonly revision?: string | undefined;
	/** Some of the files that a conversion can need; all of them when absent. */
	readonly only?: (path: string) => boolean;
}

/** A published model on the disk. */
export interface Downloaded {
	readonly folder: string;
	/** What its model card says. */
	readonly licence: string | undefined;
}

/** Looks a model up, with the host and the token of the environment. @throws InputError */
export const openPublished = (
	name: string,
	{ signal }: Pick<Terminal, 'signal'>,
	{ host = process.env.HF_ENDPOINT ?? HUB, revision }: HubOptions = {}
): Promise<HubModel> =>
	openHub(name, {
		host: host.replace(/\/$/, ''),
		token: process.env.HF_TOKEN || undefined,
		revision,
		signal
	});

/** A published checkpoint, read where it is, with the other models that it names. */
export async function readPublished(
	name: string,
	terminal: Terminal,
	options: HubOptions
): Promise<OpenCheckpoint & Closable> {
	const opened = await openPublishedAt(name, (of) =>
		openPublished(of, terminal, of === name ? options : { host: options.host })
	);
	return { ...opened, close: async () => undefined };
}

/**
 * Downloads what a conversion needs of a published model into a folder. What lies there of an earlier, interrupted run is gone on with; every
 * file is checked against the hash that the server names.
 * @throws InputError
 */
export async function downloadModel(
	name: string,
	folder: string,
	terminal: Terminal,
	{ host, revision, only = () => true }: HubOptions = {}
): Promise<Downloaded> {
	const model = await openPublished(name, terminal, { host, revision });
	return downloadFiles(
		model,
		neededFiles(model.files).filter(({ path }) => only(path)),
		folder,
		terminal
	);
}

async function downloadFiles(
	model: HubModel,
	files: readonly HubFile[],
	folder: string,
	terminal: Terminal
): Promise<Downloaded> {
	const { name } = model;
	const total = files.reduce((sum, { size }) => sum + size, 0);
	terminal.warn(
		`${name} from ${model.host}: licence ${model.licence ?? 'not said in its model card'}, ${sizeInWords(total)} in ${files.length} files.`
	);
	await mkdir(folder, { recursive: true });
	const { bavail, bsize } = await statfs(folder);
	if (total > bavail * bsize)
		throw new InputError(
			`${name} needs ${gigabytes(total)} in ${folder}, and there is room for ${gigabytes(bavail * bsize)}; make room, or choose another output folder.`
		);
	let done = 0;
	const advance = (path: string, bytes: number) => {
		done += bytes;
		terminal.progress(`downloading ${path}: ${sizeInWords(done)} of ${sizeInWords(total)}`);
	};
	for (const file of files) await downloadFile(model, file, folder, advance);
	terminal.progress('');
	return { folder, licence: model.licence };
}

async function downloadFile(
	model: HubModel,
	file: HubFile,
	folder: string,
	advance: (path: string, bytes: number) => void
): Promise<void> {
	const path = join(folder, file.path);
	const whole = await stat(path).catch(() => undefined);
	if (whole?.size === file.size) return advance(file.path, file.size);
	const part = `${path}.part`;
	for (const fresh of [false, true]) {
		if (fresh) await rm(part, { force: true });
		const before = await stat(part).catch(() => undefined);
		const start = before && before.size <= file.size ? before.size : 0;
		const handle = await open(part, start > 0 ? 'a' : 'w');
		try {
			if (!fresh) advance(file.path, start);
			for await (const piece of hubPieces(model, file, start)) {
				await handle.write(piece);
				if (!fresh) advance(file.path, piece.length);
			}
		} finally {
			await handle.close();
		}
		if (await isAsNamed(part, file)) return rename(part, path);
	}
	await rm(part, { force: true });
	throw new InputError(
		`${file.path} of ${model.name} arrived twice with other bytes than ${model.host} names for it; try again later.`
	);
}

/** Whether a file's bytes have the hash that the server names. */
async function isAsNamed(path: string, { size, sha256, blob }: HubFile): Promise<boolean> {
	const hash = createHash(sha256 === undefined ? 'sha1' : 'sha256');
	if (sha256 === undefined) hash.update(`blob ${size}\0`);
	for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array);
	const wanted = sha256 ?? blob;
	return wanted === undefined || hash.digest('hex') === wanted;
}

/** Where a conversion into `target` keeps what it downloads, until it is done. */
export const downloadFolder = (target: string): string => `${resolve(target)}.download`;

/** Whether an argument names a published model: `owner/name`, and nothing lies there on the disk. */
export async function isPublished(argument: string): Promise<boolean> {
	return isHubName(argument) && !(await stat(argument).catch(() => undefined));
}

/** The tokenizer of a published model. @returns its folder */
export async function downloadTokenizer(
	name: string,
	root: string,
	terminal: Terminal,
	options: HubOptions
): Promise<string> {
	const { folder } = await downloadModel(name, join(root, 'tokenizer', name), terminal, {
		...options,
		only: isTokenizerFile
	});
	return folder;
}

/**
 * A published checkpoint, with what it names where it has none of its own: base, tokenizer, vision tower.
 * @param root folder that all of it goes into
 */
export async function downloadCheckpoint(
	name: string,
	root: string,
	terminal: Terminal,
	{ host, revision, base }: HubOptions & { readonly base?: string | undefined }
): Promise<Downloaded & Readonly<Partial<Record<Exclude<PublishedPart['role'], 'checkpoint'>, string>>>> {
	// Before gigabytes are fetched it is known what they are. What else the model names is of other models: their newest revision.
	const parts = await publishedParts(
		name,
		(of) => openPublished(of, terminal, { host, ...(of === name && { revision }) }),
		base !== undefined && !(await isPublished(base)) ? null : base
	);
	const folders: Partial<Record<PublishedPart['role'], string>> = {};
	for (const { role, model, files } of parts)
		folders[role] = (
			await downloadFiles(
				model,
				files,
				join(root, ...(role === 'tokenizer' ? [role] : []), model.name),
				terminal
			)
		).folder;
	const { checkpoint, ...others } = folders;
	return { folder: checkpoint!, licence: parts[0]?.model.licence, ...others };
}

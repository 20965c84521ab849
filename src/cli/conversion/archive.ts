import { createReadStream } from 'node:fs';
import { readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { sizeInWords } from '../../lib/bytes/sizes.ts';
import { unpackTarGz } from '../../lib/model/convert/unpack.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { type Terminal } from '../command.ts';
import { openFolderSink } from '../io/sink.ts';

/** Written last into an unpacked archive's folder. */
const MARK = 'unpacked.json';

/** Whether a path is an archive, by its name: read in place, or to be unpacked first. */
export function archiveKind(path: string): 'tar' | 'tar.gz' | undefined {
	if (/\.tar$/i.test(path)) return 'tar';
	return /\.(tar\.gz|tgz)$/i.test(path) ? 'tar.gz' : undefined;
}

/**
 * Unpacks a .tar.gz into a folder beside the target, unless an interrupted conversion did so before. Compressed bytes can only
 * be read from their beginning, and a file of torch.save is read from its end.
 * @returns the folder, to be removed after the conversion
 */
export async function unpackBeside(archive: string, target: string, terminal: Terminal): Promise<string> {
	const info = await stat(archive).catch(() => undefined);
	if (!info?.isFile()) throw new InputError(`There is no file ${archive}.`);
	const folder = `${resolve(target)}.unpacked`;
	const identity = JSON.stringify({ archive: basename(archive), size: info.size, mtime: info.mtimeMs });
	const before = await readFile(join(folder, MARK), 'utf8').catch(() => undefined);
	if (before === identity) return folder;
	await rm(folder, { recursive: true, force: true });
	const sink = await openFolderSink(folder);
	terminal.note(`${archive} is unpacked to ${folder}, which is removed after the conversion.`);
	const { bavail, bsize } = await statfs(folder);
	try {
		await unpackTarGz(
			basename(archive),
			// 1 MiB at a time; the default makes a promise for every 64 KiB.
			{ stream: () => webStream(archive) },
			sink,
			{
				room: bavail * bsize,
				signal: terminal.signal,
				onProgress: (path, read) =>
					terminal.progress(`unpacking ${path}: ${sizeInWords(read)} of ${sizeInWords(info.size)}`)
			}
		);
		await writeFile(join(folder, MARK), identity);
	} catch (error) {
		await rm(folder, { recursive: true, force: true });
		throw error;
	} finally {
		await sink.close();
	}
	return folder;
}

function webStream(path: string): ReadableStream<Uint8Array<ArrayBuffer>> {
	return Readable.toWeb(createReadStream(path, { highWaterMark: 2 ** 20 })) as ReadableStream<
		Uint8Array<ArrayBuffer>
	>;
}

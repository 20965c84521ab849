import { gigabytes } from '../../bytes/sizes.ts';
import { readTar, streamBytes } from '../../checkpoint/tar.ts';
import { InputError } from '../../tensor/errors.ts';
import type { FolderSink } from './sink.ts';

/** Weights do not compress further; text does, to a twentieth at best. What grows more is made to fill the disk. */
const MOST_GROWTH = 100;
const ALWAYS_ALLOWED = 64 * 2 ** 20;
const CHUNK = 4 * 2 ** 20;

/** Files of an archive that a conversion can need; training states and the like are left out. */
const needed = /(^|\/)[^./][^/]*\.(bin|safetensors|json|jinja|model|txt|yaml)$/;

export interface UnpackOptions {
	/** Bytes that there is room for. */
	readonly room: number;
	readonly signal: AbortSignal;
	/** Bytes of the archive read so far. */
	readonly onProgress: (path: string, read: number) => void;
}

/**
 * Unpacks a .tar.gz file by file as it is read; memory stays at one chunk.
 * @throws InputError for an archive that is damaged, reaches out of its folder, or grows beyond belief or beyond `room`
 */
export async function unpackTarGz(
	name: string,
	archive: Pick<Blob, 'stream'>,
	sink: FolderSink,
	{ room, signal, onProgress }: UnpackOptions
): Promise<void> {
	let read = 0;
	let unpacked = 0;
	let current = '';
	const counted = archive.stream().pipeThrough(
		new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
			transform(chunk, controller) {
				read += chunk.length;
				controller.enqueue(chunk);
			}
		})
	);
	const bytes = streamBytes(counted.pipeThrough(new DecompressionStream('gzip')), {
		onChunk(length) {
			signal.throwIfAborted();
			unpacked += length;
			if (unpacked > ALWAYS_ALLOWED && unpacked > read * MOST_GROWTH)
				throw new InputError(
					`${name} unpacks to more than ${MOST_GROWTH} times its size, as no checkpoint does; it is not opened.`
				);
			onProgress(current, read);
		},
		// What DecompressionStream says of damaged data is a TypeError; a file that cannot be read is a DOMException.
		failure: (error) =>
			error instanceof TypeError
				? new InputError(`${name} is damaged or no gzip archive; copy or download it again.`)
				: error
	});
	let written = 0;
	try {
		await readTar(name, bytes, async (entry, take) => {
			current = entry.path;
			if (!needed.test(entry.path)) return;
			written += entry.size;
			if (written > room)
				throw new InputError(
					`${name} needs more than ${gigabytes(written)} to be unpacked, and there is room for ${gigabytes(room)}; unpack it elsewhere and give the folder instead.`
				);
			const writer = await sink.create(entry.path);
			try {
				for (let done = 0; done < entry.size;) {
					const part = await take(CHUNK);
					await writer.write(part);
					done += part.length;
				}
				await writer.close();
			} catch (error) {
				await writer.abort();
				throw error;
			}
		});
	} finally {
		void bytes.cancel();
	}
}

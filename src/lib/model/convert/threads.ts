import type { Hasher } from '../../bytes/hash.ts';
import type { FileWriter } from './sink.ts';
import type { Shard } from './shards.ts';

/** Threads that do the heavy work of one conversion: each has opened the same checkpoint and made the same plan. */
export interface ConversionThreads {
	/** Pieces of work at a time. */
	readonly count: number;
	/**
	 * Encodes the shard of that path, and writes it unless it is only to be compared.
	 * @param onBytes told of bytes as they are done
	 * @returns its SHA-256
	 */
	encode(path: string, write: boolean, onBytes: (bytes: number) => void): Promise<string>;
	/** SHA-256 of a file of the checkpoint. */
	hash(path: string, onBytes: (bytes: number) => void): Promise<string>;
	/** Ends the work in progress, whose promises reject; files that were begun are removed. */
	cancel(): void;
}

/** Encodes a shard into a file, or only to be hashed. @returns SHA-256 @throws what `onBytes` throws, too */
export async function encodeShard(
	shard: Shard,
	writer: FileWriter | undefined,
	hash: Hasher,
	onBytes: (bytes: number) => void
): Promise<string> {
	// A piece is written while the next one is made.
	let writing: Promise<void> | undefined;
	const put = async (bytes: Uint8Array) => {
		hash.update(bytes);
		await writing;
		writing = writer?.write(bytes);
		// Reported where it is awaited.
		writing?.catch(() => undefined);
		onBytes(bytes.length);
	};
	try {
		await put(shard.header);
		for (const { weight, byteLength } of shard.entries) {
			let done = 0;
			if (!weight) await put(new Uint8Array((done = byteLength)));
			else
				for await (const piece of weight.pieces()) {
					done += piece.length;
					if (done <= byteLength) await put(piece);
				}
			await writing;
			if (done !== byteLength)
				throw new Error(`Weight ${weight?.name} has ${done} bytes, planned were ${byteLength}.`);
		}
		await writer?.close();
	} catch (error) {
		await writing?.catch(() => undefined);
		await writer?.abort();
		throw error;
	}
	return hash.digest();
}

/** Runs jobs in their order, some at a time. The first error ends it, after `onError` and when no job runs any more. */
export async function runJobs(
	jobs: readonly (() => Promise<void>)[],
	count: number,
	onError: () => void
): Promise<void> {
	let next = 0;
	let failure: { readonly error: unknown } | undefined;
	const takeJobs = async () => {
		while (!failure && next < jobs.length)
			try {
				await jobs[next++]!();
			} catch (error) {
				if (failure) return;
				failure = { error };
				onError();
			}
	};
	await Promise.all(Array.from({ length: Math.max(1, count) }, takeJobs));
	if (failure) throw failure.error;
}

import type { SourceFolder } from '../../lib/checkpoint/source.ts';
import { sha256Hasher } from '../../lib/kernels/sha256.ts';
import type { FileWriter, FolderSink } from '../../lib/model/convert/sink.ts';
import type { ConversionThreads } from '../../lib/model/convert/threads.ts';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import { InputError } from '../../lib/tensor/errors.ts';

const nothing: FileWriter = {
	write: async () => undefined,
	close: async () => undefined,
	abort: async () => undefined
};

/** A model folder in which only damaged files can be written, and only as its manifest says. */
export interface RepairSink extends FolderSink {
	/** Files that were made again, here or by threads that are watched. */
	readonly repaired: ReadonlySet<string>;
	/** The threads, whose writing into sinks of their own is noted. */
	watching(threads: ConversionThreads): ConversionThreads;
}

/**
 * A sink that lets a conversion replace the damaged files of a model. What else the conversion writes is dropped. A file that comes out
 * other than the manifest says is not one of this model, and nothing of it is kept.
 */
export function repairSink(
	sink: FolderSink,
	{ files }: ModelManifest,
	damaged: ReadonlySet<string>,
	checkpoint: SourceFolder
): RepairSink {
	const repaired = new Set<string>();
	const expected = new Map(files.map((file) => [file.path, file.sha256]));
	return {
		folder: sink.folder,
		repaired,
		watching: (threads) => ({
			...threads,
			async encode(path, write, onBytes) {
				const digest = await threads.encode(path, write, onBytes);
				if (write) repaired.add(path);
				return digest;
			}
		}),
		async create(path) {
			if (!damaged.has(path)) return nothing;
			const writer = await sink.create(path);
			const hash = sha256Hasher();
			return {
				async write(bytes) {
					hash.update(bytes);
					await writer.write(bytes);
				},
				async close() {
					if (hash.digest() !== expected.get(path))
						throw new InputError(
							`${path} comes out of ${checkpoint.name} other than it was: the model was made from another checkpoint, or by another version. Choose the one it was made from, or convert it anew under another name.`
						);
					await writer.close();
					repaired.add(path);
				},
				abort: () => writer.abort()
			};
		},
		// The conversion's own notes were not written.
		remove: async () => undefined
	};
}

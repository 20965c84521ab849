import { memoryFolder } from '../../src/lib/checkpoint/memory.ts';
import type { FolderSink } from '../../src/lib/model/convert/sink.ts';

/** A folder in memory to convert into; `files` is what lies in it. */
export function memorySink(files: Record<string, Uint8Array> = {}): FolderSink & { files: typeof files } {
	return {
		files,
		get folder() {
			return memoryFolder('memory', files);
		},
		async create(path) {
			const parts: Uint8Array[] = [];
			return {
				async write(bytes) {
					parts.push(bytes.slice());
				},
				async close() {
					files[path] = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
				},
				async abort() {}
			};
		},
		async remove(path) {
			delete files[path];
		}
	};
}

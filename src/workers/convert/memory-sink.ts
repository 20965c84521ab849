import { blobSource } from '../../lib/checkpoint/memory.ts';
import type { FolderSink } from '../../lib/model/convert/sink.ts';

/** A folder of blobs, for browsers that give the page no storage; the browser may move large ones to the disk. */
export function blobSink(name: string): FolderSink & { readonly files: ReadonlyMap<string, Blob> } {
	const files = new Map<string, Blob>();
	return {
		files,
		folder: {
			name,
			list: async () => [...files.keys()],
			async open(path) {
				const blob = files.get(path);
				return blob && blobSource(path, blob);
			}
		},
		async create(path) {
			let parts: Blob[] = [];
			return {
				async write(bytes) {
					parts.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
				},
				async close() {
					files.set(path, new Blob(parts));
					parts = [];
				},
				async abort() {
					parts = [];
				}
			};
		},
		async remove(path) {
			files.delete(path);
		}
	};
}

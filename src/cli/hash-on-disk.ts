import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { ModelFolderOptions } from '../lib/model/runtime/model-folder.ts';

/** Hashes files of a folder on disk in a stream. */
export function hashOnDisk(root: string): NonNullable<ModelFolderOptions['hashInPlace']> {
	return async (path) => {
		const hash = createHash('sha256');
		let size = 0;
		for await (const chunk of createReadStream(join(root, path), { highWaterMark: 2 ** 20 })) {
			const bytes = chunk as Buffer;
			size += bytes.length;
			hash.update(bytes);
		}
		return { size, sha256: hash.digest('hex') };
	};
}

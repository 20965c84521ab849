import type { SourceFolder } from '../../lib/checkpoint/source.ts';
import { hashSource } from '../../lib/model/convert/hash-source.ts';
import { sha256Hasher } from '../../lib/kernels/sha256.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import type { DamagedFile, JobProgress } from './api.ts';

/** Reads every file of a model folder and names those that are not what its manifest says. */
export async function damagedFiles(
	folder: SourceFolder,
	signal: AbortSignal,
	report: (progress: JobProgress) => void
): Promise<DamagedFile[]> {
	const { manifest } = await openModelFolder(folder);
	const total = manifest.files.reduce((sum, { size }) => sum + size, 0);
	const damaged: DamagedFile[] = [];
	let done = 0;
	for (const { path, size, sha256 } of manifest.files) {
		const source = await folder.open(path);
		if (!source) damaged.push({ path, problem: 'it is missing' });
		else if (source.size !== size)
			damaged.push({ path, problem: `it has ${source.size} bytes instead of ${size}` });
		else {
			const digest = await hashSource(source, sha256Hasher(), (bytes) => {
				signal.throwIfAborted();
				done += bytes;
				report({ stage: 'verify', what: path, done, total });
			});
			if (digest !== sha256) damaged.push({ path, problem: 'its SHA-256 is another one' });
			continue;
		}
		done += size;
	}
	return damaged;
}

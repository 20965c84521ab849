import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findBenchmark } from '../../lib/benchmarks/registry.ts';
import { readRun } from '../../lib/benchmarks/run/record.ts';
import { scoreRun, type ScoredRun } from '../../lib/benchmarks/run/scored.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { diskStorage } from '../eval/disk-storage.ts';

/** Levels of folders between what `--out` named and the runs in it: benchmark, projector and M. */
const DEPTH = 2;

/** The runs of honeybee eval in some folders, scored. @throws InputError for a folder that holds none */
export async function readRuns(paths: readonly string[]): Promise<ScoredRun[]> {
	const runs: ScoredRun[] = [];
	for (const path of paths) {
		const folders = runFolders(path, DEPTH);
		if (folders.length === 0)
			throw new InputError(`${path} holds no run; give a folder that honeybee eval wrote with --out.`);
		for (const folder of folders) {
			const storage = diskStorage(folder);
			try {
				const run = await readRun(storage, findBenchmark);
				if (run && run.results.length > 0)
					runs.push(scoreRun(folder, run.benchmark, run.manifest, run.results, run.skipped, run.about));
			} finally {
				await storage.close();
			}
		}
	}
	return runs;
}

function runFolders(path: string, depth: number): string[] {
	if (!existsSync(path)) throw new InputError(`${path} is not there; give a folder of honeybee eval.`);
	if (existsSync(join(path, 'manifest.json'))) return [path];
	if (depth === 0) return [];
	return readdirSync(path, { withFileTypes: true })
		.filter((entry) => entry.isDirectory())
		.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
		.flatMap((entry) => runFolders(join(path, entry.name), depth - 1));
}

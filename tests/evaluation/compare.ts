/**
 * Whether runs of the scenes benchmarks give what the embedded model's record of training says, within a point.
 *
 *     npx honeybee eval --model static/models/honeybee-mini --benchmark scenes --projector all --tokens trained --out OUT
 *     node tests/evaluation/compare.ts OUT
 *
 * Runs that are not finished are named and left out.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../src/lib/bytes/json.ts';
import { diskStorage } from '../../src/cli/eval/disk-storage.ts';
import { benchmarks, findBenchmark } from '../../src/lib/benchmarks/registry.ts';
import { readRun } from '../../src/lib/benchmarks/run/record.ts';
import { trainedScores } from '../../src/lib/benchmarks/evaluation.ts';
import { deviations, type Deviation } from '../support/evaluation.ts';

const POINT = 1;
const [out, model = 'static/models/honeybee-mini'] = process.argv.slice(2);
if (out === undefined) throw new Error('Give the folder that honeybee eval wrote to.');
const evaluation = JSON.parse(await readFile(join(model, 'evaluation.json'), 'utf8')) as Json;

let worst: (Deviation & { readonly run: string }) | undefined;
let compared = 0;
for (const benchmark of await readdir(out)) {
	const split = benchmarks.find(({ name }) => name === benchmark)?.split;
	if (split === undefined) continue;
	for (const name of (await readdir(join(out, benchmark))).sort()) {
		const run = await readRun(diskStorage(join(out, benchmark, name)), findBenchmark);
		if (!run) continue;
		const { projector, tokens } = run.manifest.identity;
		const record = trainedScores(evaluation, split).filter(
			(score) => score.projector === projector && score.tokens === tokens
		);
		const results = run.results.toSorted((a, b) => a.id - b.id);
		const rows = record.length ? deviations(run.benchmark.score(results), results, record) : undefined;
		const title = `${benchmark}, ${projector}, M = ${tokens}`;
		if (!rows) {
			console.log(`${title}: ${record.length ? `only ${results.length} answers yet` : 'not in the record'}`);
			continue;
		}
		compared++;
		console.log(`${title}, ${results.length} answers`);
		for (const row of rows) {
			const { task, n, here, record: of } = row;
			console.log(
				`  ${task.padEnd(14)}${here.toFixed(2).padStart(7)}${of.toFixed(2).padStart(8)}${(here - of).toFixed(2).padStart(7)}  (${n})`
			);
			if (!worst || Math.abs(here - of) > Math.abs(worst.here - worst.record)) worst = { ...row, run: title };
		}
	}
}
if (!worst) throw new Error(`${out} holds no finished run of the scenes benchmarks.`);
const most = Math.abs(worst.here - worst.record);
console.log(
	`${compared} runs; the largest difference is ${most.toFixed(2)} points (${worst.run}, ${worst.task}).`
);
if (most > POINT) process.exitCode = 1;

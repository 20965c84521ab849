import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importResults } from '../../../src/lib/benchmarks/import.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { scoreImported } from '../../../src/lib/benchmarks/run/scored.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';

/** Files that the harnesses' own writers made; the scripts beside them say how. */
const open = (path: string) =>
	memorySource(path.split('/').at(-1)!, new Uint8Array(readFileSync(`tests/fixtures/imports/${path}`)));

async function run(benchmark: string, path: string, ...beside: readonly string[]) {
	const found = await importResults(open(path), findBenchmark(benchmark), beside.map(open));
	return scoreImported(path, findBenchmark(benchmark), found.results, found);
}

const credits = ({ report }: Awaited<ReturnType<typeof run>>) => report.outcomes.map(({ credit }) => credit);

describe('lmms-eval 0.7.3', () => {
	const folder = 'lmms-eval-0.7.3/20260901_120000_';
	const samples = (task: string, benchmark: string) =>
		run(benchmark, `${folder}samples_${task}.jsonl`, `${folder}results.json`);

	it('MME, with version, model, prompt and tokens', async () => {
		const mme = await samples('mme', 'mme');
		// Existence: three of four right (75), one of two images (50); code: one of two (50).
		expect(mme.report.scores[0]!.value).toBeCloseTo(175, 9);
		expect(mme.counts).toEqual({ of: 6, missing: 1, failed: 0, unread: 0, drawn: 0 });
		expect(mme.source).toMatchObject({
			...{ tool: 'lmms-eval', version: '0.7.3', model: 'owner/model' },
			prompt: 'Is there a dog?\nAnswer the question using a single word or phrase.',
			tokens: { input: 72.5, output: 2, questions: 6 }
		});
	});

	it('POPE, asked twice and after reasoning', async () => {
		const twice = await samples('pope_adv', 'pope');
		// Right in the first answer: yes, no; in the second, always "no": no and no.
		expect(credits(twice)).toEqual([0.5, 1, 0.5, 0]);
		expect(twice.counts).toEqual({ of: 8, missing: 1, failed: 0, unread: 0, drawn: 0 });
		const reasoned = await samples('pope_random', 'pope');
		expect(reasoned.results.map(({ pred }) => pred)).toEqual(['Yes', 'No', 'Yes', '']);
		expect(credits(reasoned)).toEqual([1, 1, 0, 0]);
		expect(reasoned.source!.tokens).toBe(undefined);
	});

	it('SEED-Bench', async () => {
		const seed = await samples('seedbench', 'seed');
		expect(credits(seed)).toEqual([1, 0, 0]);
		expect(seed.report.scores[1]).toMatchObject({ name: 'accuracy, lenient' });
		expect(seed.report.scores[1]!.value).toBeCloseTo(200 / 3, 9);
	});
});

describe('VLMEvalKit e8e78f05', () => {
	it.each(['xlsx', 'tsv', 'csv', 'json'])(
		'POPE with thinking, records and failed calls (%s)',
		async (ending) => {
			const pope = await run('pope', `vlmevalkit/model_POPE.${ending}`);
			expect(pope.source).toEqual({ tool: 'VLMEvalKit', file: `model_POPE.${ending}` });
			expect(credits(pope)).toEqual([1, 1, 0, 0, 0, 0]);
			expect(pope.counts).toEqual({ of: 6, missing: 1, failed: 2, unread: 0, drawn: 0 });
		}
	);

	it.each(['csv', 'json'])('a judged table with its own verdict (%s)', async (ending) => {
		const path = `vlmevalkit/model_MMBench_DEV_EN_exact_matching_result.${ending}`;
		const judged = await run('mmbench', path);
		expect(judged.results).toHaveLength(4);
		expect(judged.report.notes.join(' ')).toMatch(/column "hit" has 2 of 4 right \(50\.0 %\)/);
	});
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importResults } from '../../../src/lib/benchmarks/import.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { examplesOf } from './support.ts';

/** Files as people have them; the README beside each says what is right and by which source. */
const CASES = new URL('../../fixtures/cases/', import.meta.url);

/** Results of a case's file, scored. */
async function reportOf(path: string, benchmark: string) {
	const { results } = await importResults(
		memorySource(path.split('/').at(-1)!, new Uint8Array(readFileSync(new URL(path, CASES)))),
		findBenchmark(benchmark)
	);
	return findBenchmark(benchmark).score(results);
}

const scoresOf = ({
	scores
}: {
	readonly scores: readonly { readonly name: string; readonly value: number }[];
}) => Object.fromEntries(scores.map(({ name, value }) => [name, Number(value.toFixed(2))]));

/** All examples of a benchmark whose folder is a case's. */
function examplesIn(path: string, benchmark: string) {
	const folder = new URL(path, CASES);
	const files = readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry): [string, Uint8Array] => {
			const full = `${entry.parentPath.replace(/\/$/, '')}/${entry.name}`;
			return [full.slice(folder.pathname.replace(/\/$/, '').length + 1), new Uint8Array(readFileSync(full))];
		});
	return examplesOf(findBenchmark(benchmark), Object.fromEntries(files));
}

const MME = { total: 2725, perception: 1925, cognition: 800 };

describe('result files of other tools', () => {
	it('NaN in JSON, as Python writes it, is a missing value', async () => {
		const report = await reportOf('import-python-nan/samples_mmbench_en_dev.jsonl', 'mmbench');
		expect(report.outcomes.map(({ credit }) => credit)).toEqual([1, 1, 1]);
	});

	it('VLMEvalKit with PRED_FORMAT=json is a list of rows', async () => {
		const report = await reportOf('import-vlmeval-json/MODEL_MME.json', 'mme');
		expect(report.outcomes).toHaveLength(56);
		expect(scoresOf(report)).toEqual(MME);
	});

	it('truths of MME may have a full stop', async () => {
		expect(scoresOf(await reportOf('mme-yes-with-a-dot/mme.xlsx', 'mme'))).toEqual(MME);
	});
});

describe('data of benchmarks', () => {
	it('MME with truths "Yes." and "no"', async () => {
		const examples = await examplesIn('mme-yes-with-a-dot/data/', 'mme');
		expect(examples.map(({ data }) => data['answer'])).toEqual(['Yes', 'No']);
	});

	it("macOS's hidden files are passed over", async () => {
		expect(existsSync(new URL('data-mac-hidden-files/mme/existence/._000000000000.txt', CASES))).toBe(true);
		expect(await examplesIn('data-mac-hidden-files/mme/', 'mme')).toHaveLength(2);
	});

	it('a short image of MMBench is the index of the row that has it', async () => {
		const examples = await examplesIn('data-mmbench-image-by-index/', 'mmbench');
		expect(examples).toHaveLength(4);
		const images = await Promise.all(examples.map(({ images }) => images[0]!.read()));
		expect(images[1]).toEqual(images[0]);
		expect(images[3]).toEqual(images[2]);
		expect(images[2]).not.toEqual(images[0]);
		expect(examples[1]!.images[0]!.name).toBe(examples[0]!.images[0]!.name);
	});
});

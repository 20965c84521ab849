import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readParquet } from '../../../src/lib/benchmarks/formats/parquet.ts';
import { pairedDifference } from '../../../src/lib/benchmarks/compare.ts';
import { scoreImported } from '../../../src/lib/benchmarks/run/scored.ts';
import { importResults } from '../../../src/lib/benchmarks/import.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { examplesOf } from './support.ts';

/** Files as people have them; the README beside each says what is right and by which source. */
const CASES = new URL('../../fixtures/cases/', import.meta.url);

async function resultsOf(path: string, benchmark: string) {
	const { results } = await importResults(
		memorySource(path.split('/').at(-1)!, new Uint8Array(readFileSync(new URL(path, CASES)))),
		findBenchmark(benchmark)
	);
	return results;
}

/** Results of a case's file, scored. */
const reportOf = async (path: string, benchmark: string) =>
	findBenchmark(benchmark).score(await resultsOf(path, benchmark));

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

describe('samples of lmms-eval 0.7, which have no "doc"', () => {
	const folder = 'import-lmms-eval-0.7/20260901_samples_';
	const right = async (task: string, benchmark: string) => {
		const { outcomes } = await reportOf(`${folder}${task}.jsonl`, benchmark);
		return [outcomes.filter(({ credit }) => credit === 1).length, outcomes.length];
	};

	it('have their columns in the objects of the metrics', async () => {
		const mme = await reportOf(`${folder}mme.jsonl`, 'mme');
		expect(mme.outcomes).toHaveLength(56);
		expect(scoresOf(mme)).toEqual(MME);
		expect(await right('mmbench_en_dev', 'mmbench')).toEqual([4, 4]);
		expect(await right('pope_adv', 'pope')).toEqual([5, 8]);
		expect(await right('mmmu_val', 'mmmu')).toEqual([4, 4]);
	});

	it('are refused with the column that the harness does not write', async () => {
		const line =
			'{"doc_id": 0, "target": "yes", "input": "Is it?", "filtered_resps": "Yes", "pope_accuracy": {}}';
		const file = memorySource('samples.jsonl', new TextEncoder().encode(line));
		await expect(importResults(file, findBenchmark('pope'))).rejects.toThrow(
			/"category" is missing.*lmms-eval has not written/
		);
	});
});

describe('runs of different files', () => {
	it('are paired by what is asked, never by row', async () => {
		const load = async (name: string) =>
			scoreImported(
				name,
				findBenchmark('pope'),
				await resultsOf(`import-pairing-other-questions/${name}`, 'pope')
			);
		const [a, b] = await Promise.all([load('modelA_pope_adv.jsonl'), load('modelB_pope_random.jsonl')]);
		const difference = pairedDifference(a.report, b.report)!;
		expect(difference.examples).toBe(20);
		const reversed = {
			...b.report,
			outcomes: b.report.outcomes.map((outcome) => ({ ...outcome, id: 39 - outcome.id }))
		};
		expect(pairedDifference(a.report, reversed)!.value).toBe(difference.value);
	});
});

describe('data of benchmarks', () => {
	it.each(['snappy', 'gzip', 'zstd', 'lz4', 'brotli'])('parquet packed with %s', async (codec) => {
		const read = (name: string) =>
			readParquet(
				memorySource(
					name,
					new Uint8Array(readFileSync(new URL(`../benchmarks/codecs/${name}.parquet`, CASES)))
				),
				['id', 'question', 'image_1']
			);
		const rows = await read(codec);
		expect(rows).toHaveLength(3);
		expect(rows).toEqual(await read('none'));
		expect(rows[2]).toMatchObject({ id: 'validation_Art_2' });
	});

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

describe('answers that are missing, unread or drawn', () => {
	it('MMBench: a question without an answer is not right', async () => {
		const report = await reportOf('import-mmbench-unanswered/unanswered.tsv', 'mmbench');
		expect(report.scores[0]!.value).toBeCloseTo((100 * 2) / 9, 9);
		expect(report.outcomes.flatMap(({ credit }, i) => (credit === 1 ? [i + 1] : []))).toEqual([1, 7]);
		expect(report.outcomes.some(({ drawn }) => drawn)).toBe(false);
		expect(report.notes.join(' ')).toMatch(/3 of 9 not answered.*3 of 9 answers could not be read/);
		const url = await reportOf('import-mmbench-unanswered/url.xlsx', 'mmbench');
		expect(url.scores[0]!.value).toBeLessThanOrEqual(50);
		expect(url.notes.join(' ')).toMatch(/1 of 4 not answered/);
	});

	it.each(['pope.xlsx', 'pope.tsv'])('POPE: a failed call is no "yes" (%s)', async (name) => {
		const report = await reportOf(`import-pope-failed/${name}`, 'pope');
		// Upstream's rule: of the six answers, Yes and No are right; NO, "isn't" and the rest are "yes".
		const scores = scoresOf(report);
		expect(scores).toMatchObject({ accuracy: 20, yes_ratio: 50, recall: 33.33 });
		expect(scores['accuracy, lenient']).toBe(40);
		expect(report.notes.join(' ')).toMatch(/4 of 10 not answered.*2 of 10 answers have neither/);
	});

	it('SEED-Bench: letters with more beside upstream’s bare ones', async () => {
		const report = await reportOf('import-seed-letters-with-more/seed.xlsx', 'seed');
		expect(scoresOf(report)).toEqual({ accuracy: 16.67, 'accuracy, lenient': 100 });
		expect(report.notes.join(' ')).toMatch(/5 of 6 answers could not be read.*6 of 6 are right/);
	});

	it.each(['mmmu.xlsx', 'mmmu.tsv'])('MMMU: splits apart, an option called "None" (%s)', async (name) => {
		const report = await reportOf(`import-mmmu-dev-val/${name}`, 'mmmu');
		expect(scoresOf(report)).toMatchObject({ 'accuracy, lenient': 100, 'accuracy, dev': 0 });
		expect(report.outcomes.map(({ drawn }) => drawn)).toEqual([false, false, true, true]);
		expect(report.outcomes[0]).toMatchObject({ parsed: 'D', credit: 1 });
		expect(report.notes.join(' ')).toMatch(
			/2 of 4 answers .* drawn at random.*4 of 4 are right.*2 of 6 .* dev/
		);
	});

	it('ScienceQA: questions without an image', async () => {
		const report = await reportOf('import-scienceqa-with-text-only/samples_scienceqa.jsonl', 'sqa');
		expect(scoresOf(report)).toEqual({
			accuracy: 66.67,
			'accuracy, image': 100,
			'accuracy, text': 33.33
		});
	});
});

describe('what other tools mean by their rows', () => {
	it.each(['pope.xlsx', 'pope.tsv'])(
		'POPE: a row of several categories counts in each (%s)',
		async (name) => {
			const report = await reportOf(`import-pope-joined-categories/${name}`, 'pope');
			expect(scoresOf(report)).toMatchObject({ accuracy: 62.22, f1: 66.67 });
			const rows = report.tables[0]!.rows.map(([category, accuracy]) => [
				category,
				Number(accuracy).toFixed(4)
			]);
			expect(rows.slice(0, 3)).toEqual([
				['adversarial', '0.6000'],
				['popular', '0.6000'],
				['random', '0.6667']
			]);
		}
	);

	it('MMBench: circular and plain are two scores, one pass is told', async () => {
		const circular = await reportOf('import-mmbench-one-pass-result/circular.xlsx', 'mmbench');
		expect(scoresOf(circular)).toEqual({ 'accuracy, circular': 50, 'accuracy, plain': 75 });
		const once = await reportOf(
			'import-mmbench-one-pass-result/MODEL_MMBench_DEV_EN_openai_result.xlsx',
			'mmbench'
		);
		expect(scoresOf(once)).toEqual({ 'accuracy, plain': 100 });
		expect(once.notes.join(' ')).toMatch(/not comparable with circular/);
	});

	it('SEED-Bench: videos are apart', async () => {
		const report = await reportOf('import-seed-all-with-videos/samples_seedbench.jsonl', 'seed');
		expect(scoresOf(report)).toEqual({ accuracy: 100, 'accuracy, videos': 0 });
		expect(report.outcomes.map(({ categories }) => categories[0])).toEqual([
			'Scene Understanding',
			'Instances Counting',
			'Text Understanding'
		]);
	});
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertCommand } from '../../../src/cli/convert.ts';
import { evalCommand } from '../../../src/cli/eval.ts';
import { openDataFolder } from '../../../src/cli/eval/data-folder.ts';
import type { Benchmark } from '../../../src/lib/benchmarks/benchmark.ts';
import { benchmarks, findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import type { RunIdentity } from '../../../src/lib/benchmarks/run/record.ts';
import { scoreRun } from '../../../src/lib/benchmarks/run/scored.ts';
import { identify } from '../../../src/lib/benchmarks/run/target.ts';
import { wordingOf } from '../../../src/lib/benchmarks/run/wording.ts';
import { familyOf } from '../../../src/lib/model/families/registry.ts';
import type { PosedQuestion } from '../../../src/lib/model/text/posed-question.ts';
import { runsProvenance } from '../../../src/lib/study/run-scores.ts';
import { requestOf } from '../../../src/lib/study/run.ts';
import { silent } from '../../support/golden-model.ts';
import { fakeManifest } from '../workbench/fakes.ts';
import { examplesOf } from './support.ts';

const fixtures = new URL('../../fixtures/', import.meta.url).pathname;
const data = join(fixtures, 'benchmarks/data');

/** The first questions of the fixture, taken apart. */
async function posed(benchmark: Benchmark, count = 1): Promise<PosedQuestion[]> {
	const found: PosedQuestion[] = [];
	const folder = await openDataFolder(join(data, benchmark.name));
	for await (const example of benchmark.examples(folder)) {
		if (example.unusable === undefined) found.push(benchmark.posed!.question(example.data));
		if (found.length === count) break;
	}
	return found;
}

describe('questions taken apart', () => {
	it.each(['mmbench', 'seed', 'sqa'])('%s: everything of its prompt is there', async (name) => {
		const benchmark = findBenchmark(name);
		const folder = await openDataFolder(join(data, name));
		let seen = 0;
		for await (const { data: fields, images, unusable } of benchmark.examples(folder)) {
			if (unusable !== undefined) continue;
			const prompt = benchmark.prompt(fields, images.length);
			const { kind, text, hint, options = [] } = benchmark.posed!.question(fields);
			expect(kind).toBe('choice');
			expect(prompt).toContain(text);
			// SEED-Bench has no hints.
			if (name !== 'seed') expect(prompt).toContain(`Context: ${hint ?? 'N/A'}\n`);
			expect(prompt).toContain(options.map((option, i) => `${'ABCDE'[i]}. ${option}`).join('\n'));
			expect(options.length).toBeGreaterThan(1);
			expect(options).not.toContain('N/A');
			seen++;
		}
		expect(seen).toBeGreaterThan(1);
	});

	it('MMMU: options as in the data, whatever stands in them', async () => {
		const rows = [
			{
				...{ id: 'validation_Art_1', question: 'Q <image 1>?', image_1: 'a.png' },
				...{ options: `['x. B', 'two\\nlines', "C. it's"]`, answer: 'A', question_type: 'multiple-choice' }
			},
			{
				...{ id: 'validation_Art_2', question: 'How many?', image_1: 'a.png' },
				...{ options: '[]', answer: '3', question_type: 'open' }
			}
		];
		const mmmu = findBenchmark('mmmu');
		const examples = await examplesOf(mmmu, {
			'validation.json': JSON.stringify(rows),
			'images/a.png': Uint8Array.of(1)
		});
		expect(examples.map((example) => mmmu.posed!.question(example.data))).toEqual([
			{ kind: 'choice', text: 'Q <image 1>?', options: ['x. B', 'two\nlines', "C. it's"] },
			{ kind: 'short', text: 'How many?' }
		]);
	});

	it('POPE and MME ask for yes or no, in their own words', async () => {
		const [[pope], [mme]] = await Promise.all([posed(findBenchmark('pope')), posed(findBenchmark('mme'))]);
		expect(pope).toMatchObject({ kind: 'yes-no' });
		expect(mme).toEqual({
			kind: 'yes-no',
			text: expect.stringMatching(/ Please answer yes or no\.$/) as string
		});
	});

	it('name every data set once', () => {
		const sets = benchmarks.flatMap((benchmark) => (benchmark.posed ? [benchmark.posed.set] : []));
		expect(new Set(sets).size).toBe(sets.length);
		expect(sets).toHaveLength(9);
	});
});

describe('in whose words', () => {
	const honeybee = fakeManifest('mini');
	const llava = { ...honeybee, family: 'llava' };
	const pope = findBenchmark('pope');

	it('a model with published words is asked in them, unless Honeybee’s are chosen', () => {
		expect(wordingOf(pope, llava)!.recorded).toEqual({
			whose: 'LLaVA-1.5',
			source: expect.stringContaining('haotian-liu/LLaVA at c121f04') as string
		});
		expect(wordingOf(pope, llava, 'own')).toBeDefined();
		expect(wordingOf(pope, llava, 'honeybee')).toBeUndefined();
		expect(wordingOf(pope, honeybee)).toBeUndefined();
		// The embedded scenes have no other words.
		expect(wordingOf(findBenchmark('scenes'), llava)).toBeUndefined();
		expect(() => wordingOf(pope, honeybee, 'own')).toThrow(
			'There is no published wording of POPE for Honeybee (mini); leave --wording out'
		);
	});

	it('Honeybee’s own requests and runs are what they were', async () => {
		const folder = await openDataFolder(join(data, 'pope'));
		for await (const example of pope.examples(folder)) {
			const request = requestOf(pope, example, [], { projector: 'c-abs', tokens: 9 });
			expect(request).toEqual({
				...{ projector: 'c-abs', tokens: 9, own_template: true },
				turns: [{ question: '', images: [] }],
				raw_prompt: pope.prompt(example.data, 0),
				sampling: expect.objectContaining({ temperature: 0, max_new_tokens: 20 }) as object
			});
			break;
		}
		const run = {
			projector: 'c-abs',
			tokens: 9,
			data: { examples: 1, sha256: 'd' },
			backend: 'node',
			versions: {}
		};
		expect(Object.keys(identify(pope, honeybee, run))).not.toContain('wording');
		const recorded = { whose: 'W', source: 's' };
		expect(identify(pope, honeybee, { ...run, wording: recorded }).wording).toEqual(recorded);
	});
});

describe('figures of runs', () => {
	it('say in whose words a run was asked', () => {
		const about = { projector: 'c-abs', tokens: 9, data: { examples: 1, sha256: 'd' }, versions: {} };
		const pope = findBenchmark('pope');
		const run = (more: Partial<RunIdentity>) =>
			scoreRun(
				'r',
				pope,
				{
					...{ format: 'honeybee-run', format_version: 1, created: '' },
					identity: { ...identify(pope, fakeManifest('mini'), { ...about, backend: 'node' }), ...more }
				},
				[]
			);
		const plain = `mini · ${fakeManifest('mini').dtype} on node · batch 1, greedy`;
		expect(runsProvenance([run({})])).toBe(plain);
		const wording = { whose: 'LLaVA-1.5', source: 'somewhere at abc1234' };
		expect(runsProvenance([run({ wording, transparency: 'white' })])).toBe(
			`${plain} · asked in the words of LLaVA-1.5 (somewhere at abc1234) · transparent pictures on white`
		);
	});
});

describe('honeybee eval', () => {
	it('asks a model in the words of its kind and says so; in Honeybee’s where these are chosen', async () => {
		const folder = await mkdtemp(join(tmpdir(), 'honeybee-wording-'));
		try {
			const model = join(folder, 'model');
			await convertCommand.run([join(fixtures, 'families/smolvlm-256m/checkpoint'), model], silent);
			const printed: string[] = [];
			const terminal = { ...silent, write: (text: string) => void printed.push(text) };
			const run = (name: string, out: string, ...more: string[]) =>
				evalCommand.run(
					[
						...['--model', model, '--benchmark', name, '--data', join(data, name)],
						...['--out', join(folder, out), '--limit', '1', ...more]
					],
					terminal
				);
			const reportIn = async (out: string, name: string) => {
				const { projectors } = JSON.parse(await readFile(join(model, 'honeybee.json'), 'utf8')) as {
					projectors: Record<string, { num_query_tokens: number }>;
				};
				const [[projector, { num_query_tokens }]] = Object.entries(projectors) as [
					[string, { num_query_tokens: number }]
				];
				const path = join(folder, out, name, `${projector}-m${num_query_tokens}`);
				const [result] = (await readFile(join(path, 'results.jsonl'), 'utf8')).split('\n');
				return {
					report: JSON.parse(await readFile(join(path, 'report.json'), 'utf8')) as {
						notes: string[];
						manifest: { identity: { wording?: object } };
					},
					prompt_tokens: (JSON.parse(result!) as { prompt_tokens: number }).prompt_tokens
				};
			};
			await run('seed', 'own');
			await run('seed', 'upstream', '--wording', 'honeybee');
			const own = await reportIn('own', 'seed');
			const upstream = await reportIn('upstream', 'seed');
			const note =
				"Asked in the words published for SmolVLM (Idefics3) (open-compass/VLMEvalKit at e8e78f0, vlmeval/vlm/smolvlm.py), not in Honeybee's.";
			expect(own.report.notes[0]).toBe(note);
			expect(printed[0]).toContain(`Note: ${note}`);
			expect(own.report.manifest.identity.wording).toEqual({
				whose: 'SmolVLM (Idefics3)',
				source: 'open-compass/VLMEvalKit at e8e78f0, vlmeval/vlm/smolvlm.py'
			});
			expect(upstream.report.manifest.identity.wording).toBeUndefined();
			expect(printed[1]).not.toContain('Asked in');
			expect(own.prompt_tokens).not.toBe(upstream.prompt_tokens);
			// Another wording is another run.
			await expect(run('seed', 'own', '--resume', '--wording', 'honeybee')).rejects.toThrow(
				/another wording/
			);
			await expect(run('seed', 'x', '--wording', 'llava')).rejects.toThrow(
				'--wording is "llava"; there are own and honeybee.'
			);
		} finally {
			await rm(folder, { recursive: true });
		}
	});
});

describe('the prompt', () => {
	it('of every benchmark fits the template of every kind with words of its own', async () => {
		for (const family of ['llava', 'smolvlm', 'nanovlm'])
			for (const benchmark of benchmarks.filter(({ posed: some }) => some)) {
				const manifest = { ...fakeManifest('mini'), family };
				const { placeholder } = familyOf(manifest).prompt;
				const wording = familyOf(manifest).wording!(benchmark.posed!.set)!;
				const { text } = wording.ask({ kind: 'open', text: 'What is it?' }, 1);
				expect(text.split(placeholder).length - 1).toBeLessThanOrEqual(1);
				expect(text).toContain('What is it?');
			}
	});
});

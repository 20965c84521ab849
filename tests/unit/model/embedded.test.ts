import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/cli/io/hash.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { openFolderSink } from '../../../src/cli/io/sink.ts';
import { convert } from '../../../src/lib/model/convert/convert.ts';
import type { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { answer, embeddedModel, openNodeModel, scene } from '../../support/embedded.ts';

/** Answers of the PyTorch model before conversion (`python -m training.export`). */
interface Reference {
	readonly items: readonly {
		readonly seed: number;
		readonly question: string;
		readonly truth: string;
		/** By projector. */
		readonly answers: Readonly<Record<string, string>>;
	}[];
}

/** The projector that answers best (evaluation.json). */
const BEST = 'd-abs';

describe('embedded model', () => {
	let model: HoneybeeModel;
	beforeAll(async () => {
		model = await openNodeModel(embeddedModel);
	}, 60_000);
	afterAll(() => model.dispose());

	it('has one vision tower, one language model and every projector, several of them at several M', () => {
		const { projectors } = model.manifest;
		expect(Object.values(projectors).map((p) => p.title)).toEqual(
			expect.arrayContaining([
				'Linear',
				'MLP',
				'Resampler',
				'C-Abstractor',
				'D-Abstractor',
				'Average pooling'
			])
		);
		for (const kind of ['c-abs', 'pool', 'resampler', 'd-abs']) {
			const tokens = Object.entries(projectors)
				.filter(([name, entry]) => (entry.family ?? name) === kind)
				.flatMap(([, entry]) => entry.trained_tokens);
			expect(
				tokens.toSorted((x, y) => x - y),
				kind
			).toEqual([16, 36, 64, 144]);
		}
	});

	it('answers held-out scenes better than the floor its best projector must reach', async () => {
		const floor = {
			existence: 0.9,
			identity: 0.85,
			localisation: 0.85,
			relation: 0.8,
			counting: 0.7,
			position: 0.85
		};
		const tasks = Object.keys(floor) as (keyof typeof floor)[];
		const right = new Map<string, number>();
		const asked = new Map<string, number>();
		for (let seed = 0; seed < 60; seed++) {
			const { image, questions } = scene(seed);
			for (const { task, question, answer: truth } of questions) {
				asked.set(task, (asked.get(task) ?? 0) + 1);
				if (!(task in floor)) continue;
				const given = await answer(model, BEST, image, question);
				if (given === truth) right.set(task, (right.get(task) ?? 0) + 1);
			}
		}
		const shares = Object.fromEntries(tasks.map((t) => [t, (right.get(t) ?? 0) / (asked.get(t) ?? 0)]));
		console.log(`${BEST} on 60 held-out scenes:`, shares);
		for (const task of tasks) expect(shares[task], task).toBeGreaterThanOrEqual(floor[task]);
	}, 300_000);

	it('gives the answers that PyTorch gave before conversion', async () => {
		const { items } = JSON.parse(
			await readFile('tests/fixtures/embedded/reference.json', 'utf8')
		) as Reference;
		expect(items.length).toBeGreaterThanOrEqual(200);
		for (const { seed, question, answers } of items) {
			const { image } = scene(seed);
			for (const [projector, text] of Object.entries(answers))
				expect(
					await answer(model, projector, image, question),
					`${projector}, scene ${seed}: ${question}`
				).toBe(text);
		}
	}, 300_000);
});

describe('the embedded model in 4 bits', () => {
	let folder: string;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'honeybee-q4-'));
	});
	afterAll(() => rm(folder, { recursive: true }));

	it('agrees with float32 on at least 95 % of greedy answers', async () => {
		const sink = await openFolderSink(folder);
		const checkpoint = await openFolder(embeddedModel);
		await convert({
			checkpoint,
			sink,
			dtype: 'q4',
			name: 'honeybee-mini-q4',
			resolve: async () => undefined,
			createHash: sha256
		});
		await sink.close();
		await checkpoint.close();
		const exact = await openNodeModel(embeddedModel);
		const rounded = await openNodeModel(folder);
		const projectors = Object.keys(exact.manifest.projectors);
		let same = 0;
		let all = 0;
		for (let seed = 1000; seed < 1040; seed++) {
			const { image, questions } = scene(seed);
			for (const { question, task } of questions) {
				if (task === 'caption' || task === 'referring') continue;
				const projector = projectors[all % projectors.length]!;
				all++;
				const [a, b] = [
					await answer(exact, projector, image, question),
					await answer(rounded, projector, image, question)
				];
				if (a === b) same++;
			}
		}
		console.log(`q4 agrees with fp32 on ${same} of ${all} answers`);
		expect(same / all).toBeGreaterThanOrEqual(0.95);
		await exact.dispose();
		await rounded.dispose();
	}, 300_000);
});

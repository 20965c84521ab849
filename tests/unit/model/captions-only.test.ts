import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import type { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { answer, openNodeModel, scene } from '../../support/embedded.ts';

/** A run's record (`training/convergence/run.py`). */
interface Record {
	readonly run: { readonly projector: string; readonly tokens: number };
	/** By task: 1 right, 0 wrong, - not asked; by held-out scene. */
	readonly right: Readonly<{ [task: string]: string }>;
}

const models = 'static/models';
const shipped = readdirSync(models).filter((name) => name.startsWith('captions-'));
/** The run that a model was made of stands in its name, e.g. captions-c-abs-m36-s1. */
const recordOf = (name: string) =>
	join('training/convergence/results', `${name.replace('captions-', '')}.json`);
const SCENES = 120;

it('ships models that learned by captions and answers alone, each with the record of its run', () => {
	expect(shipped.length).toBeGreaterThan(1);
	for (const name of shipped) {
		expect(existsSync(recordOf(name)), name).toBe(true);
		const { provenance } = JSON.parse(
			readFileSync(join(models, name, 'honeybee.json'), 'utf8')
		) as ModelManifest;
		// Figures of places say it.
		expect(provenance.caveat).toMatch(/captions and answers alone/);
	}
	const sizes = readdirSync(models, { recursive: true, encoding: 'utf8' }).map((file) =>
		statSync(join(models, file))
	);
	const size = sizes.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
	expect(size, 'bytes of all embedded models').toBeLessThan(60e6);
});

describe.each(shipped)('%s', (name) => {
	let model: HoneybeeModel;
	const record = JSON.parse(readFileSync(recordOf(name), 'utf8')) as Record;
	beforeAll(async () => {
		model = await openNodeModel(join(models, name));
	}, 60_000);
	afterAll(() => model.dispose());

	it('answers held-out scenes as the run’s record says', async () => {
		const differ: string[] = [];
		let asked = 0;
		for (let seed = 0; seed < SCENES; seed++) {
			const { image, questions } = scene(seed);
			for (const { task, question, answer: truth } of questions) {
				const recorded = record.right[task]?.[seed];
				if (recorded === undefined) continue;
				asked++;
				const given = await answer(model, record.run.projector, image, question);
				if ((given === truth ? '1' : '0') !== recorded) differ.push(`${seed} ${task}: ${given}, ${truth}`);
			}
		}
		expect(asked).toBeGreaterThan(100);
		// Weights are shipped in 16 bits: an answer whose two best words were as good as equal may turn.
		expect(differ.length, differ.join('; ')).toBeLessThanOrEqual(asked / 100);
	}, 300_000);
});

import { describe, expect, it } from 'vitest';
import { sceneFacts } from '../../../../src/lib/benchmarks/scene-facts.ts';
import { scenes, type SceneData } from '../../../../src/lib/benchmarks/scenes.ts';
import { scoreImported } from '../../../../src/lib/benchmarks/run/scored.ts';
import { chooseTargets, tokensChosen } from '../../../../src/lib/benchmarks/run/target.ts';
import { askedExamples, filtered, grouped } from '../../../../src/routes/benchmarks/examples.ts';
import { inOrder, typicalRuns } from '../../../../src/routes/benchmarks/lists.ts';
import { classes, known, manifest, scenesRun } from '../../../support/scored-runs.ts';

const all = [
	scenesRun('linear', 144),
	scenesRun('d-abs-m64', 64),
	scenesRun('d-abs', 36),
	scenesRun('c-abs', 144),
	scenesRun('c-abs', 16)
];
const other = scoreImported('other', scenes, all[0]!.results, { tokens: 100 });

describe('runs on the page', () => {
	it('stand by kind and M, and one of each kind is compared at first', () => {
		const ordered = inOrder([other, ...all], known);
		expect(ordered.map(({ projector, tokens }) => `${projector} ${tokens}`)).toEqual([
			...['c-abs 16', 'c-abs 144', 'd-abs 36', 'd-abs-m64 64', 'linear 144', ' 100']
		]);
		expect(typicalRuns(ordered, 40, known)).toEqual([
			...['scenes/m/c-abs-m16', 'scenes/m/d-abs-m36', 'scenes/m/linear-m144', 'imported/scenes/other']
		]);
	});
});

describe('what is wrong', () => {
	const cellOf = (data: SceneData) => sceneFacts(data, classes)?.cell;
	const runs = [
		scenesRun('c-abs', 36, (data) => cellOf(data) !== 'center' && data.task !== 'counting'),
		scenesRun('d-abs', 36)
	];
	const wrong = filtered(askedExamples(runs, undefined, known), 'wrong');
	const knowledge = { classes, locality: () => undefined };

	it('is what the first run got wrong; all of it differs from the run that got it right', () => {
		expect(wrong.length).toBeGreaterThan(5);
		expect(filtered(askedExamples(runs, undefined, known), 'differ').map(({ id }) => id)).toEqual(
			wrong.map(({ id }) => id)
		);
		expect(askedExamples(runs, 'counting', known).every(({ data }) => data['task'] === 'counting')).toBe(
			true
		);
		expect(wrong[0]!.answers.map(({ pred }) => pred)).toEqual(['nothing', wrong[0]!.truth]);
	});

	it('is grouped by category, position, size and number of objects, nothing lost', () => {
		for (const by of ['category', 'cell', 'size', 'objects'] as const) {
			const groups = grouped(wrong, by, knowledge);
			expect(groups.reduce((sum, { examples }) => sum + examples.length, 0)).toBe(wrong.length);
			for (const { name, examples } of groups)
				for (const { data, categories } of examples) {
					const facts = sceneFacts(data, classes);
					if (by === 'category') expect(name).toBe(categories.at(-1));
					else if (by === 'cell') expect(name).toBe(facts?.cell ?? 'not known');
					else if (by === 'objects') expect(Number.parseInt(name)).toBe(facts!.objects);
					else expect(name).toContain(facts?.size === undefined ? 'not known' : `(${facts.size} px)`);
				}
		}
		const cells = grouped(wrong, 'cell', knowledge).map(({ name }) => name);
		expect(cells).toContain('center');
		expect(grouped(askedExamples(runs, undefined, known), 'cell', knowledge)[0]).toMatchObject({
			...{ name: 'center', share: 0 }
		});
	});

	it('is grouped by thirds of locality where that was measured', () => {
		const locality = ({ id }: { readonly id: number }) => (id % 7 === 0 ? undefined : id);
		const groups = new Map(
			grouped(wrong, 'locality', { classes, locality }).map(({ name, examples }) => [name, examples])
		);
		expect([...groups.keys()].at(-1)).toBe('not known');
		expect(groups.get('not known')!.every(({ id }) => id % 7 === 0)).toBe(true);
		const highest = groups.get('highest third')!.map(({ id }) => id);
		const lowest = groups.get('lowest third')!.map(({ id }) => id);
		expect(Math.min(...highest)).toBeGreaterThan(Math.max(...lowest));
	});
});

describe('what is to be run', () => {
	it('M by words: own, trained, all; by numbers what a projector can give', () => {
		expect(tokensChosen(manifest, 'c-abs', 'own')).toEqual([36]);
		expect(tokensChosen(manifest, 'c-abs', 'trained')).toEqual([16, 36, 64, 144]);
		expect(tokensChosen(manifest, 'c-abs', 'all')).toEqual([1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144]);
		expect(tokensChosen(manifest, 'd-abs-m64', 'all')).toEqual([64]);
		expect(tokensChosen(manifest, 'd-abs-m64', [16, 36])).toEqual([]);
		expect(chooseTargets(manifest, undefined, 'trained').length).toBe(18);
		expect(
			chooseTargets(manifest, undefined, [64])
				.map(({ projector }) => projector)
				.sort()
		).toEqual([...['c-abs', 'd-abs-m64', 'pool', 'resampler-m64']]);
	});
});

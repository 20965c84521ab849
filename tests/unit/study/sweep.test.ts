import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import type { Field } from '../../../src/lib/analysis/equivariance.ts';
import { compose, moveTo, spriteOf } from '../../../src/lib/scenes/composition.ts';
import { generateScene, renderScene } from '../../../src/lib/scenes/index.ts';
import { placements } from '../../../src/lib/scenes/path.ts';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import { sceneFile } from '../../../src/lib/study/scene-image.ts';
import {
	answerRows,
	positionMapStudy,
	positionRows,
	sweepAnswersStudy,
	sweepRows,
	sweepStudy
} from '../../../src/lib/study/sweep-rows.ts';
import {
	credit,
	runSweep,
	stepError,
	SweepMemory,
	type SweepPlan,
	sweepKey
} from '../../../src/lib/study/sweep.ts';
import { FakeAnswerer } from '../../support/fake-answerer.ts';
import { comparedWork, model as small, workingModel } from '../../support/study-work.ts';
import { asking, atlas, cat, dog, two } from '../../support/scenes.ts';

describe('an image of a scene', () => {
	it('gives the bytes of the generator’s scene', () => {
		const scene = generateScene(5, 'test');
		const { data } = decode(sceneFile(compose(scene), atlas));
		expect([...data]).toEqual([...renderScene(scene, atlas).data]);
	});
});

describe('sweep', () => {
	const field = (at: number): Field => ({
		...{ side: 12, channels: 1 },
		data: Float32Array.from({ length: 144 }, (_, i) => Number(i === at))
	});
	const scene = two();
	const plan: SweepPlan = {
		...{ model: { name: 'm', dtype: 'fp32', backend: 'wasm' }, scene, object: cat, kind: 'row' },
		steps: placements('row', spriteOf(scene, cat)!, 8).slice(0, 3),
		questions: [asking.localisation(0)],
		subjects: [{ projector: 'linear', title: 'Linear', M: 144, trained: true }]
	};
	const answer = { question: 'Where is the cat?', answer: 'top left', truth: 'top left' };
	const result = {
		plan,
		cells: [
			{
				projector: 'linear',
				step: 0,
				answers: [{ ...answer, credit: 1, logProbability: -1 }],
				trace: field(13)
			},
			// One patch to the right, as the object.
			{
				projector: 'linear',
				step: 1,
				answers: [{ ...answer, credit: 0, logProbability: -3 }],
				trace: field(14)
			},
			// Stayed where it was.
			{
				projector: 'linear',
				step: 2,
				answers: [{ ...answer, credit: undefined, truth: undefined, logProbability: undefined }],
				trace: field(14)
			}
		]
	};

	it('measures how the trace follows, by hand', () => {
		const error = (step: number, reference: 'before' | 'first') =>
			stepError(result, 'linear', step, reference);
		expect(error(0, 'before')).toBeUndefined();
		expect(error(0, 'first')).toMatchObject({ moved: 0, stayed: 0 });
		expect(error(1, 'before')!.moved).toBe(0);
		// |a − b|² = 2, ½(1 + 1) = 1
		expect(error(1, 'before')!.stayed).toBeCloseTo(Math.SQRT2, 9);
		expect(error(2, 'before')!.moved).toBeCloseTo(Math.SQRT2, 9);
		expect(error(2, 'before')!.stayed).toBe(0);
		expect(error(2, 'first')!.moved).toBeCloseTo(Math.SQRT2, 9);
		expect(stepError(result, 'mlp', 1, 'before')).toBeUndefined();
	});

	it('becomes rows of figures', () => {
		expect(sweepRows(result, 'accuracy', ['linear']).points.map(({ value }) => value)).toEqual([1, 0]);
		expect(sweepRows(result, 'logProbability', ['linear']).points).toMatchObject([
			{ position: 12, value: -1 },
			{ position: 20, value: -3 }
		]);
		expect(sweepRows(result, 'moved', ['linear']).points.map(({ position }) => position)).toEqual([20, 28]);
		expect(answerRows(result, ['linear']).lines[0]!.cells.map((cell) => cell?.credit)).toEqual([
			1,
			0,
			undefined
		]);
		const square = {
			...result,
			plan: { ...plan, steps: placements('everywhere', { x: 0, y: 0, size: 20 }, 3) }
		};
		expect([...positionRows(square).panels[0]!.credit]).toEqual([1, 0, ...Array<number>(7).fill(NaN)]);
	});

	/** Says always the same; its visual tokens, four and an end token, hold the number of the call. */
	function model() {
		const scored: string[] = [];
		let traces = 0;
		const answerer = new FakeAnswerer('top left', {
			async score({ answer }) {
				scored.push('text' in answer ? answer.text : '');
				return { ids: [1, 2], pieces: ['top ', 'left'], log_probabilities: Float32Array.of(-1, -2) };
			},
			async trace() {
				traces++;
				return { visual_embeds: { dtype: 'float32', dims: [5, 3], data: new Float32Array(15).fill(traces) } };
			}
		});
		return { answerer, scored, traces: () => traces };
	}
	const small: SweepPlan = {
		...plan,
		subjects: [{ projector: 'c-abs', title: 'C', M: 4, tokens: 4, trained: true }]
	};

	it('asks at every step, scores the truth, and traces the object', async () => {
		const { answerer, scored, traces } = model();
		const progress: number[] = [];
		const partial: number[] = [];
		const swept = await runSweep(
			small,
			atlas,
			answerer,
			new SweepMemory(),
			{ onProgress: ({ done }) => progress.push(done) },
			({ cells }) => partial.push(cells.length)
		);
		expect([progress, partial]).toEqual([
			[1, 2, 3],
			[1, 2, 3]
		]);
		expect(answerer.requests).toHaveLength(3);
		expect(answerer.requests[0]).toMatchObject({ projector: 'c-abs', tokens: 4 });
		expect(scored).toEqual(['top left', 'top left', 'top left']);
		// One more of the scene without the object.
		expect(traces()).toBe(4);
		expect(swept.cells[1]).toMatchObject({
			answers: [{ answer: 'top left', truth: 'top left', credit: 1, logProbability: -3 }],
			trace: { side: 2, channels: 3, data: new Float32Array(12).fill(2) }
		});
	});

	it('computes nothing twice, and goes on where it was stopped', async () => {
		const { answerer, traces } = model();
		const memory = new SweepMemory();
		const abort = new AbortController();
		const first = runSweep(small, atlas, answerer, memory, {
			signal: abort.signal,
			onProgress: ({ done }) => done === 2 && abort.abort(new Error('Stopped.'))
		});
		await expect(first).rejects.toThrow('Stopped.');
		expect(answerer.requests).toHaveLength(2);
		expect(answerer.controls.every((control) => control?.signal === abort.signal)).toBe(true);
		const whole = await runSweep(small, atlas, answerer, memory);
		expect(whole.cells).toHaveLength(3);
		expect(answerer.requests).toHaveLength(3);
		expect(traces()).toBe(4);
	});

	it('is known by what it depends on', () => {
		const key = sweepKey(plan);
		expect(
			sweepKey({ ...plan, scene: moveTo(scene, cat, 50, 3) }),
			'the steps say where the object goes'
		).toBe(key);
		expect(sweepKey({ ...plan, scene: moveTo(scene, dog, 50, 3) })).not.toBe(key);
		expect(sweepKey({ ...plan, subjects: [] })).not.toBe(key);
	});
});

describe('figures of a sweep', () => {
	const scene = generateScene(12, 'test');

	it('take the last object of the scene along the path', async () => {
		const answerer = workingModel();
		const work = { model: small, answerer, scene: { scene, atlas } };
		const { rows, provenance, method } = await makeItem(sweepStudy, work, standardChoices);
		const { size, cls } = scene.objects.at(-1)!;
		expect(rows.positions).toHaveLength(placements('row', { x: 0, y: 0, size }, 8).length);
		expect(rows.projectors).toEqual(['c-abs', 'resampler']);
		expect(rows.points.length).toBeGreaterThan(0);
		const { name } = atlas.index.classes[cls]!;
		expect(provenance).toBe(
			`mini · C-Abstractor, M = 9; Resampler, M = 9 · ${name}, row, ${rows.positions!.length} steps · composed scene · fp32 on node`
		);
		expect(method).toBe('against the step before');
		const answers = await makeItem(sweepAnswersStudy, work, standardChoices);
		expect(answers.rows.lines.map(({ title }) => title)).toEqual(['C-Abstractor', 'Resampler']);
		const places = await makeItem(positionMapStudy, work, standardChoices);
		expect(places.rows.side).toBe(5);
		expect(places.rows.panels[0]!.answers).toHaveLength(25);
	});

	it('sweep the columns where there are some, and need an object', async () => {
		const answerer = workingModel();
		const work = { ...comparedWork(answerer, [['c-abs', 4]]), scene: { scene, atlas } };
		const { provenance } = await makeItem(sweepAnswersStudy, work, standardChoices);
		expect(provenance).toContain('mini · C-Abstractor, M = 4 (not trained at this M) · ');
		const empty = { ...work, scene: { scene: { ...scene, objects: [] }, atlas } };
		await expect(makeItem(sweepStudy, empty, standardChoices)).rejects.toThrow('no object');
		await expect(makeItem(sweepStudy, { answerer }, standardChoices)).rejects.toThrow('a scene');
	});
});

describe('answers', () => {
	it('are marked as the benchmark marks them', () => {
		expect(credit('localisation', ' top left', 'top left')).toBe(1);
		expect(credit('localisation', 'top', 'top left')).toBe(0);
		expect(credit('referring', '[0.00,0.00,0.50,0.50]', '[0.00,0.00,0.50,0.40]')).toBe(1);
		expect(credit('referring', '[0.00,0.00,0.50,0.50]', '[0.50,0.50,1.00,1.00]')).toBe(0);
	});
});

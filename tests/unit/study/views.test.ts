import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import type { Answerer } from '../../../src/lib/study/answerer.ts';
import { wordAttention } from '../../../src/lib/analysis/influence.ts';
import { defaultColumns, studyColumns } from '../../../src/lib/study/columns.ts';
import { tokenEmbeddingStudy } from '../../../src/lib/study/embedding.ts';
import { attentionDistanceStudy, towerAttentionStudy } from '../../../src/lib/study/tower.ts';
import { giveAnswer, probeOf } from '../../../src/lib/study/answer.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import type { Measurement } from '../../../src/lib/study/measurement.ts';
import { coverageTogetherStudy, influenceTogetherStudy } from '../../../src/lib/study/together.ts';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { measureInfluence } from '../../../src/lib/study/influence.ts';
import { logitLensStudy } from '../../../src/lib/study/lens.ts';
import { measure, structuralMap } from '../../../src/lib/study/locality.ts';
import { visualTokens } from '../../../src/lib/study/similarity.ts';
import { pictureOf, subjectIn, type SubjectImage } from '../../../src/lib/study/subject.ts';
import {
	columnsOfView,
	ofView,
	sameView,
	shownView,
	viewsInWords,
	viewTitle
} from '../../../src/lib/study/views.ts';
import { goldenImage, openGolden } from '../../support/golden-model.ts';

/** A picture that a tiny SmolVLM cuts into 2 × 2 tiles and the whole. */
describe('views of a picture that is cut into tiles', () => {
	let opened: Awaited<ReturnType<typeof openGolden>>;
	let model: HoneybeeModel;
	let image: SubjectImage;
	beforeAll(async () => {
		opened = await openGolden('../families/smolvlm-256m/checkpoint');
		({ model } = opened);
		image = await goldenImage('scene_200x150.png');
	});
	afterAll(() => opened.close());

	const subjectAt = (view?: number) => {
		const [projector] = Object.keys(model.manifest.projectors);
		return subjectIn(model, image, projector!, undefined, view)!;
	};
	const perturbation = { method: 'perturbation', directions: 2 } as const;
	const mapOf = async (view?: number) => {
		const measured = await measure(model, subjectAt(view), perturbation, {});
		if (measured.kind !== 'map') throw new Error('no map');
		return measured.map;
	};

	it('show the whole picture until a tile is chosen', () => {
		const whole = subjectAt();
		expect(whole.views.map(viewTitle)).toEqual([
			'tile in row 1, column 1',
			'tile in row 1, column 2',
			'tile in row 2, column 1',
			'tile in row 2, column 2',
			'whole picture'
		]);
		expect(whole.view).toBe(4);
		expect(viewsInWords(whole.views)).toBe('4 tiles and the whole');
		expect(viewsInWords(whole.views.slice(0, 1))).toBe('1 tile');
		expect(whole.provenance).toContain('scene_200x150.png, whole picture');
		expect(pictureOf(whole)).toEqual({ href: image.url, name: image.name, aspect: 200 / 150 });
		expect(shownView(whole.views, 9)).toBe(4);
	});

	it('are drawn on their own part of the picture', () => {
		const tile = subjectAt(1);
		expect(pictureOf(tile).part).toEqual({
			region: { x: 100, y: 0, width: 100, height: 75 },
			size: { width: 200, height: 150 }
		});
		expect(tile.key).not.toBe(subjectAt().key);
	});

	it('have maps of their own, in which a token is moved by its block of patches alone', async () => {
		const { entry, manifest, tokens } = subjectAt();
		const blocks = structuralMap(entry, tokens, manifest)!;
		const [whole, tile] = [await mapOf(), await mapOf(1)];
		expect(whole.data).not.toEqual(tile.data);
		for (const { data } of [whole, tile])
			data.forEach((value, i) => {
				if (blocks.data[i] === 0) expect(value).toBeLessThan(1e-5);
				else expect(value).toBeGreaterThan(1e-3);
			});
	});

	it('lie together on the picture: influence of the tiles’ tokens, apart from the whole’s', async () => {
		const subject = subjectAt();
		const answerer = model as unknown as Answerer;
		const work = { model, answerer, subject, question: 'What is this?' };
		const made = await makeItem(influenceTogetherStudy, work, standardChoices);
		const { layers, size, sums } = made.rows;
		expect(size).toEqual({ width: 200, height: 150 });
		expect(layers.map(({ title, cells }) => [title, cells.length])).toEqual([
			['4 tiles together', 16],
			['View of the whole picture', 4]
		]);
		// Every pixel once in either.
		for (const { cells } of layers) {
			const covered = cells.reduce((sum, { regions: [region] }) => sum + region!.width * region!.height, 0);
			expect(covered).toBeCloseTo(200 * 150, 6);
		}
		expect(layers[0]!.cells[5]).toMatchObject({
			name: 'tile in row 1, column 2, token 1',
			regions: [{ x: 150, y: 0, width: 50, height: 37.5 }]
		});
		expect(sums).toBe(true);
		expect(made.provenance).toContain('all 5 views');
		// The same numbers as the model's, by place.
		const answer = await giveAnswer(work, {});
		const { values } = await model.influence({ ...probeOf(answer), method: 'attention' });
		const own = wordAttention(values, answer.words);
		layers.flatMap(({ cells }) => cells).forEach(({ value }, i) => expect(value).toBeCloseTo(own[i]!, 12));
	});

	it('lie together on the picture: cover of every patch, even where a token is a block of patches', async () => {
		const subject = subjectAt();
		const answerer = model as unknown as Answerer;
		const maps = {
			has: () => false,
			get: (of: typeof subject, { method }: Measurement) =>
				measure(answerer, of, { ...perturbation, method }, {})
		};
		const work = { model, answerer, subject, maps };
		const structural = { ...standardChoices, method: 'structural' as const };
		const { rows, method } = await makeItem(coverageTogetherStudy, work, structural);
		expect(method).toMatch(/^structure/);
		const counts = rows.layers.map(({ cells }) => cells.length);
		expect(counts[0]).toBe(4 * counts[1]!);
		// The exact map: every patch belongs to one token and has its share.
		for (const { cells } of rows.layers)
			for (const { value } of cells) expect(value).toBeCloseTo(subject.tokens / counts[1]!, 6);
		const measured = await makeItem(coverageTogetherStudy, work, { ...standardChoices, ...perturbation });
		expect(measured.rows.layers[0]!.cells.length).toBe(counts[0]);
		expect(new Set(measured.rows.layers[0]!.cells.map(({ value }) => value)).size).toBeGreaterThan(8);
		const one = { ...subject, views: subject.views.slice(4), view: 0 };
		await expect(makeItem(coverageTogetherStudy, { ...work, subject: one }, structural)).rejects.toThrow(
			/in one view/
		);
	});

	it('have visual tokens, influence and readings of their own', async () => {
		const [whole, tile] = [subjectAt(), subjectAt(1)];
		const tokensOf = (of: typeof whole) => visualTokens(model, of.request, of.tokens);
		const all = await model.trace({ ...whole.request, names: ['visual_embeds'] });
		const rows = all.visual_embeds!.data as Float32Array;
		const size = rows.length / 5;
		expect((await tokensOf(whole)).data).toEqual(rows.slice(4 * size));
		expect((await tokensOf(tile)).data).toEqual(rows.slice(size, 2 * size));

		const answerer = model as unknown as Answerer;
		const maps = { has: () => false, get: (of: typeof whole) => measure(answerer, of, perturbation, {}) };
		const turns = [{ question: 'What is this?', images: [whole.request.image] }];
		const request = { projector: whole.projector, turns };
		const probe = { ...request, answer: { ids: [300, 301] } };
		const { values } = await model.influence({ ...probe, method: 'attention' });
		expect(values.dims.at(-1)).toBe(5 * whole.tokens);
		const given = (subject: typeof whole) => ({ subject, turns, ids: [300, 301], words: [] });
		const of = await measureInfluence({ answerer, maps }, given(tile), { influence: 'attention' }, {});
		expect(of.influence.values).toEqual(columnsOfView(values, 1, 5));

		const grid = await model.lens(request);
		const shown = logitLensStudy.show({ subject: tile, turns, grid }, standardChoices).rows.tokens;
		const own = grid.at(-1)!.slice(whole.tokens, 2 * whole.tokens);
		expect(shown.map(({ entropy }) => entropy)).toEqual(own.map(({ entropy }) => entropy));
	});
});

describe('figures of one view', () => {
	let opened: Awaited<ReturnType<typeof openGolden>>;
	let images: SubjectImage[];
	beforeAll(async () => {
		opened = await openGolden('../families/smolvlm-256m/checkpoint');
		images = await Promise.all(['scene_200x150.png', 'scene_160x240.png'].map(goldenImage));
	});
	afterAll(() => opened.close());

	/** A tile of the first picture, with columns of it. */
	function work(images: readonly SubjectImage[]) {
		const { model } = opened;
		const answerer = model as unknown as Answerer;
		const maps = { has: () => false, get: () => Promise.reject(new Error('no maps')) };
		const [projector] = Object.keys(model.manifest.projectors);
		const subject = subjectIn(model, images[0]!, projector!, undefined, 1)!;
		const columns = studyColumns(defaultColumns(model.manifest), { subject, answerer, maps }, {});
		return { model, answerer, maps, subject, columns, set: { name: 'Two', images }, question: 'Why?' };
	}
	const tile = 'tile in row 1, column 2';

	it('name it: the tower’s, the columns’ and the embedding’s', async () => {
		const alone = work(images.slice(0, 1));
		expect(alone.columns.map(({ subject }) => subject.view)).toEqual([1]);
		const tower = await makeItem(towerAttentionStudy, alone, standardChoices);
		expect(tower.provenance).toContain(`scene_200x150.png, ${tile} ·`);
		const far = await makeItem(attentionDistanceStudy, alone, standardChoices);
		expect(far.provenance).toContain(`Two, 1 image, ${tile} ·`);
		const embedded = await makeItem(tokenEmbeddingStudy, alone, standardChoices);
		expect(embedded.provenance).toContain(`Two, 1 image, ${tile} ·`);
	});

	it('are of the whole of each where they are over several pictures', async () => {
		const several = work(images);
		const far = await makeItem(attentionDistanceStudy, several, standardChoices);
		expect(far.provenance).toContain('Two, 2 images, whole picture of each ·');
		const whole = images.map((image) => subjectIn(several.model, image, several.subject.projector)!);
		const apart = await Promise.all(
			whole.map((subject) =>
				makeItem(
					attentionDistanceStudy,
					{ ...several, subject, set: { name: '', images: [subject.image] } },
					standardChoices
				)
			)
		);
		const first = apart.map(({ rows }) => rows.points[0]!.value);
		expect(far.rows.points[0]!.value).toBeCloseTo((first[0]! + first[1]!) / 2, 6);
		const embedded = await makeItem(tokenEmbeddingStudy, several, standardChoices);
		expect(embedded.provenance).toContain(`Two, 2 images, ${tile} of scene_200x150.png ·`);
	});

	it('name the question that is answered', async () => {
		const alone = work(images.slice(0, 1));
		const lens = await makeItem(logitLensStudy, alone, standardChoices);
		expect(lens.provenance).toMatch(/scene_200x150\.png, tile in row 1, column 2 · .* · “Why\?”$/);
	});

	it('refuse a layer of which there are not so many', async () => {
		const alone = work(images.slice(0, 1));
		await expect(makeItem(logitLensStudy, alone, { ...standardChoices, lens: 99 })).rejects.toThrow(
			/^There is no layer 99; there are layers 0 to \d+\.$/
		);
	});

	it('are found in another model by the part of the picture', () => {
		const { views } = work(images).subject;
		expect(sameView(views, views[1])).toBe(1);
		expect(sameView(views.slice(1), views[1])).toBe(0);
		expect(sameView(views.slice(4), views[1])).toBeUndefined();
		expect(sameView(views, views[4])).toBe(4);
		expect(sameView(views, undefined)).toBeUndefined();
	});
});

describe('parts of tensors', () => {
	it('are those of the view, and whole where there is one view', () => {
		const tensor = { dtype: 'float32', dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) } as const;
		expect(ofView(tensor, 1, 2)).toEqual({ dtype: 'float32', dims: [1, 2], data: Float32Array.of(3, 4) });
		expect(ofView(tensor, 0, 1)).toBe(tensor);
		expect(columnsOfView(tensor, 1, 2).data).toEqual(Float32Array.of(2, 4));
	});
});

import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figure as figureCommand } from '../../../src/cli/figure.ts';
import { gridSide } from '../../../src/lib/model/config.ts';
import { projectors, projectorStyles } from '../../../src/lib/model/projectors/registry.ts';
import { LocalityCache } from '../../../src/lib/study/cache.ts';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { defaultColumns, studyColumns } from '../../../src/lib/study/columns.ts';
import { makeItem, type FigureStudy, type Work } from '../../../src/lib/study/figure-study.ts';
import { studies } from '../../../src/lib/study/registry.ts';
import { tokenGrid } from '../../../src/lib/study/tokens.ts';
import { subjectIn, type SubjectImage } from '../../../src/lib/study/subject.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { compareTables, unpack } from '../../../src/lib/viz/export/capsule.ts';
import { readCapsule } from '../../../src/lib/viz/export/embed.ts';
import type { Figure, Table } from '../../../src/lib/viz/figure.ts';
import { projectorColours } from '../../../src/lib/viz/palette.ts';
import { figures } from '../../../src/lib/viz/registry.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { ModelWorker } from '../../../src/workers/model/worker.ts';
import type { Answerer } from '../../../src/lib/study/answerer.ts';
import { channelWorker } from '../../support/channel-worker.ts';
import { goldenImage, openGolden, silent } from '../../support/golden-model.ts';

/** Each figure that a study makes, with it. */
const named: readonly (readonly [id: string, study: FigureStudy])[] = Object.entries<unknown>(studies).map(
	([id, study]) => [id, study as FigureStudy]
);
const made = named.map(([id, study]) => ({
	id,
	study,
	figure: figures.find((one) => one.id === id) as unknown as Figure<unknown>
}));
/** Two measurements of time are never the same. */
const isTimed = (id: string) => /^(stage-times|latency-curve|accuracy-latency|cost-check|growth)$/.test(id);

/**
 * Figures of every word of an answer, which a model with random weights makes as long as it may, and of many timed answers: nothing in them is
 * a projector's own, one of them is enough.
 */
const isLong = (id: string) => /^(word-relevance|attention-heads|growth)$/.test(id);

function workFor(answerer: Answerer, model: Work['model'] & object, images: readonly SubjectImage[]): Work {
	const projector = Object.keys(model.manifest.projectors)[0]!;
	const subject = subjectIn(model, images[0]!, projector)!;
	const maps = new LocalityCache(answerer);
	const colours = projectorColours(Object.keys(model.manifest.projectors), projectorStyles);
	return {
		...{ model, answerer, maps, subject, set: { name: 'Two', images }, question: 'What is this?' },
		columns: studyColumns(defaultColumns(model.manifest), { subject, answerer, maps }, colours)
	};
}

/** The figure's table, or the sentence that says why there is none. */
async function tableOf(figure: Figure<unknown>, study: FigureStudy, work: Work): Promise<Table | string> {
	try {
		const { rows, provenance } = await makeItem(study, work, standardChoices);
		expect(provenance).not.toBe('');
		return figure.table(rows);
	} catch (error) {
		if (error instanceof InputError) return error.message;
		throw error;
	}
}

it('has a study for each figure', () => {
	expect(made.map(({ id }) => id).sort()).toEqual(figures.map(({ id }) => id).sort());
});

const tested = projectors.flatMap(({ type, goldens: [golden] }) =>
	golden === undefined ? [] : [[type, golden]]
);

describe.each(tested)('%s', (_type, golden) => {
	let opened: Awaited<ReturnType<typeof openGolden>>;
	let images: SubjectImage[];
	let client: ModelClient;

	beforeAll(async () => {
		opened = await openGolden(`${golden}/last`);
		images = await Promise.all(['scene_160x240.png', 'scene_200x150.png'].map(goldenImage));
		const { model } = opened;
		const worker = new ModelWorker(async () => ({
			model,
			manifest: model.manifest,
			backend: model.backend
		}));
		client = new ModelClient(() => channelWorker(worker));
		await client.load({ location: { kind: 'url', url: 'http://here/' }, backend: 'auto' });
	});
	afterAll(async () => {
		await opened.close();
	});

	it.each(made.filter(({ id }) => golden === tested[0]![1] || !isLong(id)))(
		'$id is the same through the worker’s client as in Node',
		async ({ id, study, figure }) => {
			const { model } = opened;
			const here = await tableOf(figure, study, workFor(model, model, images));
			const there = await tableOf(figure, study, workFor(client, model, images));
			if (typeof here === 'string') return expect(there).toBe(here);
			expect((there as Table).columns).toEqual(here.columns);
			if (isTimed(id)) return expect((there as Table).rows.length).toBe(here.rows.length);
			expect(compareTables(here, there as Table)).toMatchObject({ same: true });
		}
	);

	it('assigns homes to tokens that have no place of their own, and to those alone', async () => {
		const { model } = opened;
		const work = workFor(model, model, images);
		const { rows } = await makeItem(studies['token-map'], work, standardChoices);
		const { entry, tokens, manifest } = work.subject!;
		const placed = tokenGrid(entry, tokens, gridSide(manifest.config.vision_config)) !== undefined;
		expect(rows.homes?.length).toBe(placed ? undefined : tokens);
	});

	it.each(
		made.filter(({ id }) => ['token-map', 'coverage', 'sampling-offsets', 'stage-responses'].includes(id))
	)('$id of the command line is identical to the page’s', async ({ id, study, figure }) => {
		const { model, folder } = opened;
		const work = workFor(client, model, images);
		if (study.obstacle?.(work) !== undefined) return;
		const out = join(mkdtempSync(join(tmpdir(), 'figure-')), 'figure.svg');
		const image = `tests/fixtures/golden/images/${images[0]!.name}`;
		await figureCommand.run([id, '--model', folder, '--image', image, '--out', out], silent);
		const capsule = readCapsule(new Uint8Array(readFileSync(out)))!;
		const now = figure.table((await makeItem(study, work, standardChoices)).rows);
		expect(compareTables(unpack(capsule.table)!, now)).toMatchObject({ same: true });
		expect(capsule.provenance).toBe((await makeItem(study, work, standardChoices)).provenance);
	});
});

import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright/test';
import type { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { LocalityCache } from '../../../src/lib/study/cache.ts';
import {
	choices as settings,
	standardChoices,
	type ChoiceName,
	type Choices
} from '../../../src/lib/study/choices.ts';
import { columnsFrom, studyColumns } from '../../../src/lib/study/columns.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import { studyOf } from '../../../src/lib/study/registry.ts';
import { subjectIn, type SubjectImage } from '../../../src/lib/study/subject.ts';
import { compareTables, unpack, type Capsule } from '../../../src/lib/viz/export/capsule.ts';
import { readCapsule } from '../../../src/lib/viz/export/embed.ts';
import type { Figure } from '../../../src/lib/viz/figure.ts';
import { figures } from '../../../src/lib/viz/registry.ts';

/** As far as float32 on WASM and in Node may be apart. */
const ROUNDING = 1e-4;

/** The figure as it is drawn, with its numbers, by the way every reader has: its exported JSON. */
export async function exported(page: Page, figure: Locator): Promise<Capsule> {
	const menu = figure.getByRole('button', { name: 'Export', exact: true });
	await menu.click();
	const download = page.waitForEvent('download');
	await figure.getByRole('button', { name: /^JSON/ }).click();
	const bytes = readFileSync(await (await download).path());
	await menu.click();
	const capsule = readCapsule(new Uint8Array(bytes));
	if (!capsule) throw new Error('The exported file carries no figure.');
	return capsule;
}

/**
 * What differs between a figure and the same one computed anew, in another process, from nothing but its address: a sentence; undefined
 * when all numbers agree.
 * @param images by their words in the address
 */
export async function untrue(
	capsule: Capsule,
	model: HoneybeeModel,
	images: ReadonlyMap<string, SubjectImage>
): Promise<string | undefined> {
	const parameters = new URL(capsule.origin.address, 'http://site/').searchParams;
	const study = studyOf(capsule.figure.id);
	const figure = figures.find(({ id }) => id === capsule.figure.id) as Figure<unknown> | undefined;
	const image = images.get(parameters.get('image') ?? '');
	const kept = unpack(capsule.table);
	if (!study || !figure || !image || !kept) return `${capsule.figure.id} cannot be computed anew.`;
	const subject = subjectIn(
		{ manifest: model.manifest, backend: model.backend },
		image,
		parameters.get('projector') ?? '',
		Number(parameters.get('tokens'))
	)!;
	const maps = new LocalityCache(model);
	const word = parameters.get('columns');
	const columns = word
		? studyColumns(columnsFrom(word, model.manifest), { subject, answerer: model, maps }, {})
		: undefined;
	const { rows } = await makeItem(
		study,
		{ model: subject, answerer: model, maps, subject, ...(columns && { columns }) },
		choicesOf(parameters, study.choices)
	);
	const result = compareTables(kept, figure.table(rows), ROUNDING);
	return result.same ? undefined : `${capsule.figure.id} at ${capsule.origin.address}: ${result.words}.`;
}

/** What the address sets of the settings that a figure takes. */
function choicesOf(parameters: URLSearchParams, takes: readonly ChoiceName[]): Choices {
	const token = /token\.(\d+)/.exec(parameters.get('select') ?? '')?.[1];
	const chosen: Partial<Record<ChoiceName, unknown>> = {};
	for (const name of takes) {
		const word = name === 'token' ? token : parameters.get(name);
		const numeric = settings[name].standard === undefined && name !== 'edits';
		// "rollout", "mean" and "all" stand for none chosen.
		if (word !== null && word !== undefined && !(numeric && !/^\d+$/.test(word)))
			chosen[name] = settings[name].read(name, word);
	}
	return { ...standardChoices, ...chosen } as Choices;
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertCommand } from '../../../../../src/cli/convert.ts';
import { decodeImage } from '../../../../../src/cli/io/decode-image.ts';
import { openFolder } from '../../../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../../../src/cli/node-backend.ts';
import { familyOf } from '../../../../../src/lib/model/families/registry.ts';
import { NEWLINE } from '../../../../../src/lib/model/image/processor.ts';
import { HoneybeeModel } from '../../../../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../../../../src/lib/model/runtime/model-folder.ts';
import { greedy } from '../../../../../src/lib/model/runtime/sampling.ts';
import type { AnswerResult, ImageInput, TokenEdit } from '../../../../../src/lib/model/runtime/types.ts';
import { LocalityCache } from '../../../../../src/lib/study/cache.ts';
import { standardChoices } from '../../../../../src/lib/study/choices.ts';
import { makeItem, type Work } from '../../../../../src/lib/study/figure-study.ts';
import { wordRelevanceStudy } from '../../../../../src/lib/study/relevance.ts';
import { subjectIn } from '../../../../../src/lib/study/subject.ts';
import { tokensInPrompt, tokensLeftOut } from '../../../../../src/lib/study/views.ts';
import { InputError } from '../../../../../src/lib/tensor/errors.ts';
import { silent } from '../../../../support/golden-model.ts';

const fixtures = new URL('../../../../fixtures/', import.meta.url).pathname;

/** 3 × 3 tokens a view. A picture of 331 × 61 pixels becomes a thumbnail and 1 × 3 tiles, of whose token rows one stays. */
describe('visual tokens that are laid out in rows across tiles', () => {
	let folder: string;
	let model: HoneybeeModel;
	let close: () => Promise<void>;
	let image: ImageInput;
	const size = { width: 331, height: 61 };

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'honeybee-layout-'));
		await convertCommand.run([join(fixtures, 'families/hyperclovax-seed-vision-mup/model'), folder], silent);
		const source = await openFolder(folder);
		const backend = createNodeBackend(folder);
		model = await HoneybeeModel.load({ backend, folder: await openModelFolder(source), decodeImage });
		close = () => source.close();
		const name = 'odd_331x61.png';
		image = { id: name, name, bytes: new Uint8Array(await readFile(join(fixtures, 'golden/images', name))) };
	});
	afterAll(async () => {
		await model.dispose();
		await close();
		await rm(folder, { recursive: true });
	});

	const projector = 'c-abs';
	const turns = () => [{ question: 'What is it?', images: [image] }];
	async function ask(more: { edits?: readonly TokenEdit[]; tokens?: number } = {}): Promise<AnswerResult> {
		for await (const event of model.answer({
			...{ projector, turns: turns(), ...more },
			sampling: { ...greedy, max_new_tokens: 3 }
		}))
			if (event.type === 'done') return event.result;
		throw new Error('There was no answer.');
	}
	const layoutOf = (tokens: number) =>
		familyOf(model.manifest).imageProcessor(model.manifest.image).layout!(size, tokens);
	const places = ({ prompt_ids }: AnswerResult) => prompt_ids.filter((id) => id < 0).length;

	it('take as many positions as the layout has, at any M', async () => {
		expect(layoutOf(9).length).toBe(9 + 10);
		for (const tokens of [9, 1, 16, 81]) {
			const layout = layoutOf(tokens);
			expect(places(await ask({ tokens }))).toBe(layout.length);
			expect(new Set(layout.filter((place) => place !== NEWLINE)).size).toBe(
				layout.filter((place) => place !== NEWLINE).length
			);
		}
	});

	it('are told from those left out in every probe', async () => {
		const inPrompt = tokensInPrompt(model.manifest, { ...image, ...size }, 9);
		expect(inPrompt).toEqual(
			layoutOf(9)
				.filter((place) => place !== NEWLINE)
				.sort((a, b) => a - b)
		);
		const all = 4 * 9;
		expect(inPrompt.length).toBe(9 + 9);
		const probe = { projector, turns: turns(), answer: { ids: (await ask()).ids } };
		for (const method of ['attention', 'ablation'] as const) {
			const { values } = await model.influence({ ...probe, method });
			const M = values.dims.at(-1)!;
			expect(M).toBe(all);
			const moved = Array.from({ length: M }, (_, token) =>
				values.data.some((value, i) => i % M === token && value !== 0)
			);
			expect(moved.flatMap((yes, token) => (yes ? [token] : []))).toEqual(inPrompt);
		}
		const [first] = await model.lens({ projector, turns: turns() });
		expect(first!.length).toBe(all);
		expect(first!.flatMap(({ words }, token) => (words.length > 0 ? [token] : []))).toEqual(inPrompt);
	});

	it('are told from those left out in figures of words, whose agreement is about the others', async () => {
		const subject = subjectIn(model, { ...image, ...size, url: 'data:,' }, projector, undefined, 2)!;
		expect(tokensLeftOut(subject)).toEqual([0, 1, 2, 6, 7, 8]);
		const work: Work = {
			...{ model, answerer: model, maps: new LocalityCache(model), subject },
			question: 'What is it?'
		};
		const { rows, method } = await makeItem(wordRelevanceStudy, work, standardChoices);
		expect(method).toMatch(/; 6 of the 9 visual tokens lie on padding and are not in the prompt$/);
		expect(rows.words.length).toBeGreaterThan(0);
		// What two rankings of three can agree by.
		for (const { agreement } of rows.words) expect([0.5, 1]).toContain(Math.abs(agreement));
	});

	it('can be edited, those left out cannot', async () => {
		const kept = tokensInPrompt(model.manifest, { ...image, ...size }, 9);
		const before = await ask();
		const without = await ask({ edits: [{ kind: 'delete', tokens: kept.slice(-4) }] });
		expect(places(without)).toBe(places(before) - 4);
		await ask({ edits: [{ kind: 'mean', tokens: kept }] });
		const outside = Array.from({ length: 36 }, (_, token) => token).find((token) => !kept.includes(token))!;
		const refused = ask({ edits: [{ kind: 'mean', tokens: [outside] }] });
		await expect(refused).rejects.toThrow(InputError);
		await expect(refused).rejects.toThrow(
			`Visual token ${outside} of odd_331x61.png lies on padding and is not in the prompt`
		);
	});
});

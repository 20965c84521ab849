import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { LocalityCache } from '../../../src/lib/study/cache.ts';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { makeItem, type FigureStudy, type Work } from '../../../src/lib/study/figure-study.ts';
import { answerInfluenceStudy, attentionHeadsStudy } from '../../../src/lib/study/influence.ts';
import { wordRelevanceStudy } from '../../../src/lib/study/relevance.ts';
import { subjectIn } from '../../../src/lib/study/subject.ts';
import { embeddedModel, openNodeModel, scene } from '../../support/embedded.ts';

describe('relevance of visual tokens to each word', () => {
	let model: HoneybeeModel;
	beforeAll(async () => {
		model = await openNodeModel(embeddedModel);
	}, 60_000);
	afterAll(() => model.dispose());

	it('is a score of each word, and loses nothing on its way to the patches', async () => {
		const image = { ...scene(3).image, url: 'data:,' };
		const subject = subjectIn(model, image, 'c-abs', 9)!;
		const question = scene(3).questions.find(({ task }) => task === 'caption')!.question;
		const work: Work = { model, answerer: model, maps: new LocalityCache(model), subject, question };
		const { rows, method, provenance } = await makeItem(wordRelevanceStudy, work, standardChoices);
		const words = rows.words.length;
		expect(provenance).toContain(` · “${question}”`);
		expect(words).toBeGreaterThan(2);
		expect(rows.relevance.tokens).toHaveLength(words * 9);
		const total = (values: Float32Array, word: number) => {
			const each = values.length / words;
			return values.subarray(word * each, (word + 1) * each).reduce((sum, value) => sum + value, 0);
		};
		for (let word = 0; word < words; word++)
			for (const { tokens, patches } of [rows.relevance, rows.attention])
				expect(total(patches, word)).toBeCloseTo(total(tokens, word), 4);
		// A greedy answer's words are likely, and none is more than certain.
		for (const { logProbability, agreement } of rows.words) {
			expect(logProbability).toBeLessThanOrEqual(0);
			expect(logProbability).toBeGreaterThan(-5);
			expect(Math.abs(agreement)).toBeLessThanOrEqual(1);
		}
		expect(method).toMatch(/^relevance by gradient × \(token − mean\), central differences of ±10 %/);
		// A word too far is neither another one nor silence, wherever settings are given as words.
		for (const study of [wordRelevanceStudy, answerInfluenceStudy, attentionHeadsStudy] as FigureStudy[])
			await expect(makeItem(study, work, { ...standardChoices, word: 99 })).rejects.toThrow(
				`There is no word 99; there are words 0 to ${words - 1}.`
			);
		await expect(makeItem(answerInfluenceStudy, work, { ...standardChoices, layer: 99 })).rejects.toThrow(
			/^There is no layer 99; there are layers 0 to \d+\.$/
		);
		const ablated = await makeItem(wordRelevanceStudy, work, { ...standardChoices, relevance: 'ablation' });
		expect(ablated.rows.unit).toBe('nats');
		expect(ablated.rows.attention.tokens).toEqual(rows.attention.tokens);
		expect(ablated.rows.relevance.tokens).not.toEqual(rows.relevance.tokens);
	});
});

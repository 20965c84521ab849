import { describe, expect, it } from 'vitest';
import { importUpstream } from '../../../src/lib/benchmarks/import-upstream.ts';
import { mmbench } from '../../../src/lib/benchmarks/mmbench.ts';
import { paretoFront } from '../../../src/lib/benchmarks/pareto.ts';
import { pope } from '../../../src/lib/benchmarks/pope.ts';
import { published } from '../../../src/lib/benchmarks/published.ts';
import { sqa } from '../../../src/lib/benchmarks/sqa.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';

const source = (value: unknown) =>
	memorySource('T.json', new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)));

describe('published figures', () => {
	it('name a source for every row', () => {
		expect(published.zoo.length).toBe(6);
		for (const row of [...published.zoo, published.figure1])
			expect(published.sources).toHaveProperty(row.source);
		expect(published.figure1.points.length).toBe(6);
	});
});

describe('the Pareto front', () => {
	it('keeps what nothing beats, one of equals', () => {
		const points = [
			{ cost: 2, score: 70 },
			{ cost: 1, score: 60 },
			{ cost: 3, score: 70 },
			{ cost: 4, score: 80 },
			{ cost: 1, score: 50 },
			{ cost: 2, score: 70 }
		];
		expect(paretoFront(points).map(({ cost, score }) => [cost, score])).toEqual([
			[1, 60],
			[2, 70],
			[4, 80]
		]);
		expect(paretoFront([])).toEqual([]);
	});
});

describe("upstream's result files", () => {
	const popeResult = { pred: 'Yes', question: 'Q?', answer: 'yes', image_path: 'a.jpg', category: 'random' };

	it('are scored as our own, ids as numbers', async () => {
		const { results } = await importUpstream(
			source({ '10': popeResult, '9': { ...popeResult, pred: 'no' } }),
			pope
		);
		expect(results.map(({ id, pred }) => [id, pred])).toEqual([
			[9, 'no'],
			[10, 'Yes']
		]);
		expect(pope.score(results).scores[0]!.value).toBeCloseTo(50, 9);
	});

	it("ScienceQA's choices come from its question", async () => {
		const { results } = await importUpstream(
			source({
				'0': {
					pred: 'south',
					question: 'Which?\nContext: N/A\nOptions: (A) north (B) south',
					question_id: '7',
					image_path: 'None',
					answer: 'B',
					answer_index: 1
				}
			}),
			sqa
		);
		const [result] = results;
		expect(result!.data.choices).toEqual(['north', 'south']);
		expect(sqa.score([result!]).scores[0]!.value).toBe(100);
	});

	it('of another kind are refused, naming the place', async () => {
		await expect(importUpstream(source([popeResult]), pope)).rejects.toThrow('T.json is not an object');
		await expect(importUpstream(source({ '0': popeResult }), mmbench)).rejects.toThrow(
			'id 0: "index" is missing'
		);
		await expect(importUpstream(source({ a: popeResult }), pope)).rejects.toThrow('T.json, id a');
		await expect(importUpstream(source('{"0": {'), pope)).rejects.toThrow('is not JSON');
	});
});

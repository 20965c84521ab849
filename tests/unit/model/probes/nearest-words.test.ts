import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nearestIds } from '../../../../src/lib/model/probes/nearest-words.ts';
import type { HoneybeeModel } from '../../../../src/lib/model/runtime/model.ts';
import { embeddedModel, openNodeModel } from '../../../support/embedded.ts';

describe('nearest words of vectors', () => {
	it('are those of the largest cosine, whatever their lengths', async () => {
		const table = [
			[1, 0],
			[0, 5],
			[3, 3],
			[0, 0]
		];
		const embed = async (ids: readonly number[]) => Float32Array.from(ids.flatMap((id) => table[id]!));
		const progress: number[][] = [];
		const { ids, cosines } = await nearestIds(
			embed,
			[0, 1, 2, 3],
			Float32Array.of(10, 1, 0, 0.1, 0, 0),
			...([2, 2] as const),
			{ onProgress: (...done) => progress.push(done) }
		);
		expect(ids).toEqual([
			[0, 2],
			[1, 2],
			[0, 1]
		]);
		expect(cosines[0]![0]).toBeCloseTo(10 / Math.hypot(10, 1), 6);
		expect(cosines[1]![1]).toBeCloseTo(Math.SQRT1_2, 6);
		expect(cosines[2]).toEqual([0, 0]);
		expect(progress).toEqual([[4, 4]]);
	});

	describe('of the embedded model', () => {
		let model: HoneybeeModel;
		beforeAll(async () => {
			model = await openNodeModel(embeddedModel);
		}, 60_000);
		afterAll(() => model.dispose());

		it('find a word by its own embedding', async () => {
			const { hidden_size: width } = model.manifest.config.text_config;
			const first = await model.nearestWords({ vectors: new Float32Array(width).fill(1), words: 3 });
			expect(first.words[0]).toHaveLength(3);
			// The embedding of the nearest word is nearest to itself.
			const again = await model.nearestWords({ vectors: first.embeds.data, words: 1 });
			expect(again.words[0]![0]).toBe(first.words[0]![0]);
			expect(again.cosines[0]![0]).toBeCloseTo(1, 5);
		});

		it('refuse vectors of another width', async () => {
			await expect(model.nearestWords({ vectors: new Float32Array(3) })).rejects.toThrow('width');
		});
	});
});

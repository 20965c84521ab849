import { describe, expect, it } from 'vitest';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { tokenEmbeddingStudy } from '../../../src/lib/study/embedding.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import { FakeAnswerer } from '../../support/fake-answerer.ts';
import { comparedWork, image } from '../../support/study-work.ts';

const WIDTH = 4;

/** Tokens of a picture lie apart along the first axis, those of a projector along the second. */
function answerer() {
	return new FakeAnswerer('', {
		async trace({ tokens = 9, projector, image: { id } }) {
			const data = Float32Array.from({ length: tokens * WIDTH }, (_, i) => {
				const [token, c] = [Math.floor(i / WIDTH), i % WIDTH];
				if (c === 0) return 10 * Number(id === 'other') + 0.01 * token;
				return c === 1 ? 3 * Number(projector === 'resampler') : 0;
			});
			return { visual_embeds: { dtype: 'float32' as const, dims: [tokens, WIDTH], data } };
		},
		async nearestWords({ vectors, words = 1 }) {
			const n = vectors.length / WIDTH;
			return {
				words: Array.from({ length: n }, (_, i) => Array.from({ length: words }, (_, k) => ` w${i % 2}${k}`)),
				cosines: Array.from({ length: n }, () => Array.from({ length: words }, () => 0.5)),
				embeds: { dtype: 'float32' as const, dims: [n, WIDTH], data: new Float32Array(n * WIDTH).fill(1) }
			};
		}
	});
}

describe('the embedding of visual tokens', () => {
	const work = () => ({
		...comparedWork(answerer(), [
			['c-abs', 9],
			['resampler', 9]
		]),
		set: { name: 'Two', images: [image, { ...image, id: 'other', name: 'other.png' }] }
	});

	it('lays tokens out along the directions in which they differ most', async () => {
		const { rows, provenance, method, set } = await makeItem(tokenEmbeddingStudy, work(), standardChoices);
		expect(rows.points).toHaveLength(2 * 2 * 9);
		// Pictures are 10 apart, projectors 3: variances 25 and 2.25.
		expect(rows.axes[0].explained).toBeCloseTo(25 / 27.25, 3);
		expect(rows.axes[1].explained).toBeCloseTo(2.25 / 27.25, 3);
		const mean = (of: (point: (typeof rows.points)[number]) => boolean) => {
			const own = rows.points.filter(of);
			return own.reduce((sum, { x }) => sum + x, 0) / own.length;
		};
		expect(mean(({ image }) => image === 1) - mean(({ image }) => image === 0)).toBeCloseTo(10, 4);
		expect(provenance).toContain('A: ');
		expect(method).toBe('36 visual tokens of 2 projectors over 2 pictures');
		expect(set?.members.map(({ name }) => name)).toEqual(['i.png', 'other.png']);
	});

	it('names the words nearest to tokens of the picture that is looked at, and of no other', async () => {
		const { rows } = await makeItem(tokenEmbeddingStudy, work(), standardChoices);
		for (const point of rows.points) expect(point.words?.length).toBe(point.image === 0 ? 3 : undefined);
		expect(rows.words.map(({ word, count }) => [word, count])).toEqual([
			['w00', 9],
			['w10', 9]
		]);
	});

	it('gives places to tokens that have one', async () => {
		const { rows } = await makeItem(tokenEmbeddingStudy, work(), standardChoices);
		const [grid, none] = [0, 1].map((column) => rows.points.filter((point) => point.column === column));
		expect(grid![4]!.place).toEqual([0.5, 0.5]);
		expect(none!.every(({ place }) => place === undefined)).toBe(true);
	});

	it('shows a column once, however often it is named', async () => {
		const two = work();
		const [first] = two.columns!;
		const twice = { ...two, columns: [first!, { ...first!, letter: 'B' }] };
		const { rows, method, provenance } = await makeItem(tokenEmbeddingStudy, twice, standardChoices);
		expect(rows.columns).toHaveLength(1);
		expect(method).toMatch(/visual tokens of 1 projector over/);
		expect(provenance).not.toContain('B: ');
	});

	it('leaves out columns of another model, and says so', async () => {
		const two = work();
		const other = { ...two.columns![1]!, answerer: answerer(), letter: 'B' };
		const mixed = { ...two, columns: [two.columns![0]!, other] };
		const { rows, method } = await makeItem(tokenEmbeddingStudy, mixed, standardChoices);
		expect(rows.columns).toHaveLength(1);
		expect(method).toContain('B of another model left out');
	});
});

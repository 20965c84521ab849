import { expect, it } from 'vitest';
import { localityScore } from '../../../src/lib/study/image-locality.ts';
import { FakeAnswerer } from '../../support/fake-answerer.ts';

it('scores the visual tokens of an image, without the eos tokens after them', async () => {
	// Each visual token looks at one of 3 × 3 patches, the eos token at opposite corners.
	const data = new Float32Array(3 * 9);
	for (const at of [0, 9 + 4, 18, 26]) data[at] = 1;
	const model = new FakeAnswerer('', {
		locality: () => Promise.resolve({ visual_embeds: { dtype: 'float32', dims: [3, 9], data } })
	});
	const score = async (tokens: number) => {
		const image = { name: 'i', read: () => Promise.resolve(new Uint8Array([1])) };
		const scores = await localityScore(model, { projector: 'c-abs', tokens }, [{ name: 'i', image }]);
		return scores.get('i');
	};
	expect(await score(2)).toBeCloseTo(0, 6);
	expect(await score(3)).toBeLessThan(-0.3);
});

import { describe, expect, it } from 'vitest';
import { similarity, visualTokens } from '../../../src/lib/study/similarity.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { FakeAnswerer } from '../../support/fake-answerer.ts';

const image = { id: 'i', name: 'i', bytes: new Uint8Array([1]) };

describe('visual tokens', () => {
	it('are those of the model without its end tokens', async () => {
		const model = new FakeAnswerer('', {
			async trace(request) {
				expect(request).toEqual({ projector: 'c-abs', tokens: 2, image, names: ['visual_embeds'] });
				return { visual_embeds: { dtype: 'float32', dims: [3, 2], data: Float32Array.of(1, 2, 3, 4, 9, 9) } };
			}
		});
		const tokens = await visualTokens(model, { projector: 'c-abs', tokens: 2, image }, 2);
		expect(tokens).toEqual({ tokens: 2, width: 2, data: Float32Array.of(1, 2, 3, 4) });
		const silent = new FakeAnswerer('', { trace: async () => ({}) });
		await expect(visualTokens(silent, { projector: 'c-abs', image }, 2)).rejects.toThrow('visual tokens');
	});
});

describe('similarity', () => {
	const matrix = (width: number, ...data: number[]) => ({
		...{ tokens: data.length / width, width, data: Float32Array.from(data) }
	});

	it('matches tokens whatever their order, and has no CKA where M differs', () => {
		const a = matrix(2, 1, 0, 0, 1, -1, -1);
		const b = matrix(2, 0, 1, 1, 0, -1, -1);
		const same = similarity(a, b);
		expect([...same.partner]).toEqual([1, 0, 2]);
		expect(same.mean).toBeCloseTo(1, 6);
		expect(same.cka).toBeDefined();
		const fewer = similarity(a, matrix(2, 0, 1, 1, 0));
		expect(fewer).not.toHaveProperty('cka');
		expect([fewer.tokensA, fewer.tokensB]).toEqual([3, 2]);
	});

	it('of tokens of two widths is told by CKA alone, where M is equal', () => {
		const a = matrix(2, 1, 0, 0, 1);
		expect(() => similarity(a, matrix(3, 1, 0, 0, 0, 1, 0))).toThrow(/2 and 3.* Linear CKA: 1\.000\.$/);
		expect(() => similarity(a, matrix(3, 1, 0, 0))).toThrow(InputError);
		expect(() => similarity(a, matrix(3, 1, 0, 0))).not.toThrow(/CKA/);
	});
});

import { describe, expect, test } from 'vitest';
import { tellUnused, unusedTensors } from '../../../../src/lib/model/convert/unused.ts';

const used = new Set(['lm.layers.0.q.weight', 'lm.layers.0.norm.weight', 'lm.norm.weight', 'head.weight']);
const find = (...unused: string[]) =>
	unusedTensors({ used, unused }, { expected: (key) => key.startsWith('tower.post'), projector: 'head.' });

describe('tensors that no graph asked for', () => {
	test.each([
		['another layer', 'lm.layers.7.q.weight'],
		['a bias of a used layer', 'lm.layers.0.q.bias'],
		['a norm within a used layer', 'lm.layers.0.q_norm.weight'],
		['a bias of a used norm outside the layers', 'lm.norm.bias'],
		['anything of the projector', 'head.extra.scale']
	])('%s would change the model', (_, key) => {
		expect(() => find(key)).toThrow(`config.json does not speak of (${key})`);
	});

	test('others are grouped by module, and those that are expected stay quiet', () => {
		const groups = find(
			'tower.post.weight',
			'tower.post.bias',
			'lm.layers.0.rotary_emb.inv_freq',
			'rotary.freqs_cis',
			'ema.lm.layers.0.q.weight',
			'ema.lm.layers.0.q.bias',
			'extra'
		);
		expect(groups).toEqual([
			{ module: 'tower.post', count: 2, expected: true },
			{ module: 'lm.layers.0.rotary_emb', count: 1, expected: true },
			{ module: 'rotary', count: 1, expected: false },
			{ module: 'ema.lm.layers.0.q', count: 2, expected: false },
			{ module: 'extra', count: 1, expected: false }
		]);
		expect(tellUnused(groups)).toBe(
			'4 tensors are in the checkpoint and not in the model, since nothing asks for them: rotary (1), ema.lm.layers.0.q (2), extra (1).'
		);
		expect(tellUnused(groups.slice(0, 2))).toBeUndefined();
	});
});

import { expect, it } from 'vitest';
import { backendCost } from '../../../../src/lib/workbench/words/facts.ts';

it('only a backend that computes otherwise than the weights are stored has a cost to tell', () => {
	expect(backendCost('wasm-int8')).toMatch(/8 bits.*%.*WASM multiplies as stored/);
	for (const backend of ['webgpu', 'wasm', 'node'] as const) expect(backendCost(backend)).toBe('');
});

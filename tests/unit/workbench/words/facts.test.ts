import { expect, it } from 'vitest';
import { backendCost } from '../../../../src/lib/workbench/words/facts.ts';

it('only a backend that computes otherwise than the weights are stored has a cost to tell', () => {
	expect(backendCost('wasm-int8')).toMatch(/8 bits.*%.*WASM multiplies as stored/);
	expect(backendCost('node-int8')).toMatch(/8 bits.*%.*Node multiplies as stored/);
	expect(backendCost('wasm-q4')).toMatch(/rounded to 8 bits.*%/);
	expect(backendCost('node-q4')).toMatch(/rounded to 8 bits.*%.*Node multiplies as stored/);
	for (const backend of ['webgpu', 'wasm', 'node'] as const) expect(backendCost(backend)).toBe('');
});

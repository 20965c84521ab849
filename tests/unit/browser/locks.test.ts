import { afterEach, describe, expect, it, vi } from 'vitest';
import { holdForLife } from '../../../src/lib/browser/locks.ts';

describe('a lock held for life', () => {
	afterEach(() => vi.unstubAllGlobals());

	it('is had, or not where another has it', async () => {
		expect(await holdForLife('of this test', { ifAvailable: true })).toBe(true);
		expect(await holdForLife('of this test', { ifAvailable: true })).toBe(false);
	});

	it('is not waited for on a page that may have none', async () => {
		const refusal = new DOMException('Locks are not allowed here.', 'SecurityError');
		vi.stubGlobal('navigator', { locks: { request: () => Promise.reject(refusal) } });
		await expect(holdForLife('refused')).rejects.toBe(refusal);
	});
});

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '../../../../src/lib/workbench/session/session.svelte.ts';
import { BenchmarkDesk } from '../../../../src/routes/benchmarks/desk.svelte.ts';
import { SideClient } from '../../../../src/workers/side/client.ts';

describe('a kept run', () => {
	afterEach(() => vi.restoreAllMocks());

	it('that the storage does not let go of is said, and stays in the list of conflicts', async () => {
		vi.spyOn(SideClient.prototype, 'remove').mockRejectedValue(new Error('The storage is in use.'));
		const desk = new BenchmarkDesk({} as Session, 'http://localhost/');
		desk.conflict = ['scenes/one'];
		await desk.remove('scenes/one');
		expect(desk.error).toBe('The storage is in use.');
		expect(desk.conflict).toEqual(['scenes/one']);
	});
});

import { describe, expect, it } from 'vitest';
import type { Session } from '../../../../src/lib/workbench/session/session.svelte.ts';
import { BenchmarkDesk } from '../../../../src/routes/benchmarks/desk.svelte.ts';
import type { SideClient } from '../../../../src/workers/side/client.ts';

describe('a kept run', () => {
	it('that the storage does not let go of is said, and stays in the list of conflicts', async () => {
		const side = {
			remove: () => Promise.reject(new Error('The storage is in use.'))
		} as unknown as SideClient;
		const desk = new BenchmarkDesk({} as Session, 'http://localhost/', side);
		desk.conflict = ['scenes/one'];
		await desk.remove('scenes/one');
		expect(desk.error).toBe('The storage is in use.');
		expect(desk.conflict).toEqual(['scenes/one']);
	});
});

// @vitest-environment runes
import { expect, test } from 'vitest';
import { startedSession } from '../fakes.ts';

test('dispose ends the worker and the subscription', async () => {
	const { client, session, models } = await startedSession();
	session.dispose();
	expect(client.disposed).toBe(true);
	client.set({ status: 'idle' });
	expect(models.worker.status).toBe('ready');
});

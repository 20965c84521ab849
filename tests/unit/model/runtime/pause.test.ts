import { expect, it, vi } from 'vitest';
import { pause } from '../../../../src/lib/model/runtime/pause.ts';

it.each([
	['Node', false],
	['a browser, which has no setImmediate', true]
])('what waits is handled before work goes on, in %s', async (_, browser) => {
	if (browser) vi.stubGlobal('setImmediate', undefined);
	const handled: string[] = [];
	const { port1, port2 } = new MessageChannel();
	const message = new Promise<void>((resolve) => {
		port1.onmessage = () => {
			handled.push('message');
			resolve();
		};
	});
	port2.postMessage(0);
	// Work that only awaits what is there already lets nothing in.
	for (let i = 0; i < 10; i++) await Promise.resolve();
	expect(handled).toEqual([]);
	// A message may take the event loop more than one turn.
	for (let i = 0; i < 20 && handled.length === 0; i++) await pause();
	expect(handled).toEqual(['message']);
	await message;
	port1.close();
});

import { afterAll, beforeAll, expect } from 'vitest';

/** Fails a file of tests that leaves a file open: Node closes it some time later, with a warning, and is to throw one day. */
const left: string[] = [];
const hear = (warning: Error) => {
	if (/file descriptor|FileHandle/.test(warning.message)) left.push(warning.message);
};
beforeAll(() => void process.on('warning', hear));
afterAll(async () => {
	for (let i = 0; i < 3; i++) {
		globalThis.gc?.();
		await new Promise((resolve) => setImmediate(resolve));
	}
	process.off('warning', hear);
	expect(left, 'files left open').toEqual([]);
});

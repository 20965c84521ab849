import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, vi } from 'vitest';

/**
 * Files of tests share a process and its modules. Spies, stubs and false clocks end with the file; one that leaves something else behind fails:
 * a global, a variable of the environment, another working directory, a file open (Node closes it some time later, with a warning, and is to
 * throw one day).
 */
const open: string[] = [];
const hear = (warning: Error) => {
	if (/file descriptor|FileHandle/.test(warning.message)) open.push(warning.message);
};
/** Of open files, by descriptor; undefined where the system does not tell (Linux does). */
function openFiles(): ReadonlyMap<string, string> | undefined {
	try {
		return new Map(
			readdirSync('/proc/self/fd').flatMap((descriptor): [string, string][] => {
				try {
					const path = readlinkSync(`/proc/self/fd/${descriptor}`);
					return path.startsWith('/') ? [[descriptor, path]] : [];
				} catch {
					// The one that the folder was read by.
					return [];
				}
			})
		);
	} catch {
		return undefined;
	}
}
/** Set once for the life of a process: by @jsquash/avif, by onnxruntime-web in Node, by transformers.js. */
const lasting = ['globalThis.ImageData', 'globalThis.Worker', 'process.env.ORT_DISABLE_TELEMETRY'];

/** Everything by its name, with what tells whether it is another. */
const around = () =>
	new Map<string, string | undefined>([
		// Vitest's own are counters of each test.
		...Object.getOwnPropertyNames(globalThis)
			.filter((name) => !name.startsWith('__vitest'))
			.map((name) => [`globalThis.${name}`, ''] as const),
		...Object.entries(process.env).map(([name, value]) => [`process.env.${name}`, value] as const),
		['process.cwd()', process.cwd()]
	]);
let before: ReturnType<typeof around>;
let openBefore: ReturnType<typeof openFiles>;
beforeAll(() => {
	before = around();
	openBefore = openFiles();
	process.on('warning', hear);
});
afterAll(async () => {
	vi.useRealTimers();
	vi.restoreAllMocks();
	vi.unstubAllGlobals();
	vi.unstubAllEnvs();
	const openNow = openFiles();
	const mayBeLeft =
		!openBefore ||
		!openNow ||
		[...openNow].some(([descriptor, path]) => openBefore?.get(descriptor) !== path);
	// To collect all garbage takes as long as many a file's tests: only where there may be something to close.
	for (let i = 0; i < 3; i++) {
		if (mayBeLeft) globalThis.gc?.();
		await new Promise((resolve) => setImmediate(resolve));
	}
	process.off('warning', hear);
	expect(open, 'files left open').toEqual([]);
	const now = around();
	const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
		(name) =>
			!lasting.includes(name) && (before.has(name) !== now.has(name) || before.get(name) !== now.get(name))
	);
	expect(changed, 'left changed by tests').toEqual([]);
});

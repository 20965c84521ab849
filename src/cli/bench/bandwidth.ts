import { cpus } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ModelManifest } from '../../lib/model/manifest.ts';

/** Sums a buffer larger than the caches again and again, eight sums at a time so that no addition waits for another. */
const thread = `
const { parentPort } = require('node:worker_threads');
const values = new Float64Array(1 << 23).fill(1);
function pass() {
	let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
	for (let i = 0; i < values.length; i += 8) {
		a += values[i]; b += values[i + 1]; c += values[i + 2]; d += values[i + 3];
		e += values[i + 4]; f += values[i + 5]; g += values[i + 6]; h += values[i + 7];
	}
	return a + b + c + d + e + f + g + h;
}
function bytesPerSecond(milliseconds) {
	const begin = performance.now();
	let bytes = 0;
	do bytes += 8 * pass(); while (performance.now() - begin < milliseconds);
	return bytes / ((performance.now() - begin) / 1000);
}
parentPort.once('message', (milliseconds) => {
	bytesPerSecond(milliseconds / 2);
	parentPort.postMessage(bytesPerSecond(milliseconds));
});
parentPort.postMessage('ready');
`;

/**
 * Bytes per second that all cores together read from memory: what decoding on the processor cannot be faster than once the weights no
 * longer fit its caches, since each token reads every weight.
 * @param milliseconds for which every core reads
 */
export async function readBandwidth(milliseconds = 500): Promise<number> {
	const workers = cpus().map(() => new Worker(thread, { eval: true }));
	try {
		// All begin when the last one is there, so that they share the memory from the first byte on.
		await Promise.all(workers.map((worker) => message(worker)));
		const rates = workers.map((worker) => message(worker) as Promise<number>);
		for (const worker of workers) worker.postMessage(milliseconds);
		return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
	} finally {
		await Promise.all(workers.map((worker) => worker.terminate()));
	}
}

function message(worker: Worker): Promise<unknown> {
	return new Promise((done, failed) => {
		worker.once('message', done);
		worker.once('error', failed);
	});
}

/** Weights of the language graphs, and the cache of so many positions: the bytes that one step of decoding reads. */
export function bytesPerToken({ graphs, files, memory }: ModelManifest, positions: number): number {
	const shards = new Set(graphs.language.flatMap(({ weights }) => weights));
	const weights = files.reduce((sum, { path, size }) => sum + (shards.has(path) ? size : 0), 0);
	return weights + positions * memory.kv_per_token;
}

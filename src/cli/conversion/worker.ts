/** Runs in a thread of its own, started by `threads.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { hashSource } from '../../lib/model/convert/convert.ts';
import { planConversion } from '../../lib/model/convert/plan.ts';
import { openSources, readManifest } from '../../lib/model/convert/source.ts';
import { encodeShard } from '../../lib/model/convert/threads.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { sha256 } from '../io/hash.ts';
import { openFolderSink } from '../io/sink.ts';
import { failureOf } from '../io/thread-failure.ts';
import { openCheckpointAt } from './input.ts';
import type { ThreadAnswer, ThreadSetup, ThreadTask } from './threads.ts';

const { location, sink: to, dtype, projectorName, languageLimit } = workerData as ThreadSetup;

const answer = (message: ThreadAnswer) => parentPort!.postMessage(message);

async function open() {
	const { checkpoint, resolve } = await openCheckpointAt(location);
	const sink = await openFolderSink(to);
	return { checkpoint, resolve, sink };
}

async function plan() {
	const { checkpoint, resolve, sink } = await opened();
	const sources = await openSources(checkpoint, resolve, projectorName);
	const existing = await readManifest(sink.folder);
	const { shards } = planConversion(sources, { dtype, existing, languageLimit });
	return new Map(shards.map((shard) => [shard.path, shard]));
}

const once = <T>(make: () => Promise<T>) => {
	let made: Promise<T> | undefined;
	return () => (made ??= make());
};
const opened = once(open);
const planned = once(plan);
// Begun while the conversion makes its own; whoever needs the plan hears of errors.
planned().catch(() => undefined);

/** Bytes are told of this often; a message costs more than a megabyte's hash. */
const REPORT_MS = 50;

let abort = new AbortController();

type Work = Exclude<ThreadTask, { readonly kind: 'cancel' }>;

async function run(task: Work): Promise<string> {
	const { signal } = abort;
	let unsaid = 0;
	let last = 0;
	const say = () => {
		answer({ call: task.call, bytes: unsaid });
		unsaid = 0;
	};
	const onBytes = (bytes: number) => {
		signal.throwIfAborted();
		unsaid += bytes;
		const now = performance.now();
		if (now - last < REPORT_MS) return;
		last = now;
		say();
	};
	const digest = await work(task, signal, onBytes);
	say();
	return digest;
}

async function work(task: Work, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<string> {
	const { checkpoint, sink } = await opened();
	if (task.kind === 'hash') {
		const source = await checkpoint.open(task.path);
		if (!source) throw new InputError(`${checkpoint.name} lost its file ${task.path} during the conversion.`);
		return hashSource(source, sha256(), onBytes);
	}
	const shard = (await planned()).get(task.path);
	if (!shard) throw new Error(`${task.path} is no shard of this conversion.`);
	signal.throwIfAborted();
	return encodeShard(shard, task.write ? await sink.create(task.path) : undefined, sha256(), onBytes);
}

parentPort?.on('message', (task: ThreadTask) => {
	if (task.kind === 'cancel') {
		abort.abort();
		abort = new AbortController();
		return;
	}
	run(task).then(
		(digest) => answer({ call: task.call, sha256: digest }),
		(error: unknown) => answer({ call: task.call, ...failureOf(error) })
	);
});

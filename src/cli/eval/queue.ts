import type { Queue, Worker } from 'bullmq';
import type { RunIdentity, RunRecord, RunResult, Skipped } from '../../lib/benchmarks/run/record.ts';
import { InputError } from '../../lib/tensor/errors.ts';

/** A shard of one run: so many examples through one projector at one M. */
export interface ShardJob {
	/** Folders as the coordinator names them; a worker may be given others with the same content. */
	readonly model: string;
	readonly data: string | undefined;
	readonly identity: RunIdentity;
	readonly ids: readonly number[];
}

/** What a worker gives back, all of it or nothing: a result, or why there is none, of every example. */
export interface ShardResults {
	readonly results: readonly RunResult[];
	readonly skipped: readonly Skipped[];
}

const NAME = 'honeybee-eval';
/** Examples of a job: what a killed worker has done in vain at most. */
const SHARD = 25;
const ATTEMPTS = 3;
const POLL_MS = 400;

/**
 * A package that only `--queue` needs, and that may have been left out when the others were installed.
 *
 * @throws InputError when it is not there
 */
export async function optional<T>(load: () => Promise<T>): Promise<T> {
	try {
		return await load();
	} catch (error) {
		if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
		throw new InputError(
			'--queue needs the packages bullmq and ioredis, which are not installed here; install them with "npm install bullmq ioredis", or leave --queue out and let this process do all of the work.'
		);
	}
}

/** @throws InputError when there is no Redis at that address */
async function connect(url: string) {
	if (!/^rediss?:\/\//.test(url))
		throw new InputError(
			`--queue is "${url}"; give the address of a Redis server, e.g. redis://localhost:6379.`
		);
	const { Redis } = await optional(() => import('ioredis'));
	const redis = new Redis(url, {
		maxRetriesPerRequest: null,
		lazyConnect: true,
		retryStrategy: (times) => Math.min(200 * times, 5000)
	});
	// Told by the command that fails; without a listener the process would end.
	redis.on('error', () => undefined);
	const patience = new Promise<never>((_, reject) =>
		setTimeout(
			() => reject(new InputError(`There is no Redis server at ${url}; start one, or correct the address.`)),
			5000
		).unref()
	);
	try {
		await Promise.race([redis.connect().then(() => redis.ping()), patience]);
	} catch (error) {
		redis.disconnect();
		throw error instanceof InputError
			? error
			: new InputError(`There is no Redis server at ${url}; start one, or correct the address.`);
	}
	return redis;
}

export interface QueuedRun {
	readonly model: string;
	readonly data: string | undefined;
	readonly identity: RunIdentity;
	readonly record: RunRecord;
	/** Ids that are to have a result. */
	readonly ids: readonly number[];
}

/**
 * Gives out what the runs lack as jobs and merges what comes back: every result once, whoever answered it and however often. What is
 * merged is on disk before the job leaves the queue, so that the coordinator may be ended, too, and go on later.
 *
 * @returns false when it was aborted
 * @throws InputError for a shard that no worker could answer
 */
export async function coordinate(
	url: string,
	runs: readonly QueuedRun[],
	{
		signal,
		onProgress
	}: { readonly signal: AbortSignal; readonly onProgress: (done: number, total: number) => void }
): Promise<boolean> {
	const { Queue } = await optional(() => import('bullmq'));
	const redis = await connect(url);
	const queue: Queue<ShardJob, ShardResults> = new Queue(NAME, { connection: redis });
	const total = runs.reduce((sum, { ids }) => sum + ids.length, 0);
	const left = () => runs.reduce((sum, run) => sum + pendingOf(run).length, 0);
	try {
		onProgress(total - left(), total);
		// A second round only where what an older job gave back was not all that is lacking now.
		while (left() > 0) {
			const jobs = await giveOut(queue, runs);
			while (jobs.size > 0) {
				if (signal.aborted) return false;
				for (const [id, run] of [...jobs]) {
					const job = await queue.getJob(id);
					if (!job) throw new InputError(`The job ${id} has gone from ${url}; resume to give it out again.`);
					if (await job.isFailed())
						throw new InputError(
							`A worker could not answer its share: ${job.failedReason} What was answered is kept; resume to go on.`
						);
					if (!(await job.isCompleted())) continue;
					const { results, skipped } = job.returnvalue;
					for (const result of results) if (!run.record.results.has(result.id)) await run.record.add(result);
					for (const one of skipped) await run.record.skip(one);
					await job.remove();
					jobs.delete(id);
					onProgress(total - left(), total);
				}
				if (jobs.size > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
			}
		}
		return true;
	} finally {
		await queue.close();
		redis.disconnect();
	}
}

/** Puts in a job for every shard that lacks results; one of that name that is there already stays as it is. */
async function giveOut(
	queue: Queue<ShardJob, ShardResults>,
	runs: readonly QueuedRun[]
): Promise<Map<string, QueuedRun>> {
	const jobs = new Map<string, QueuedRun>();
	for (const run of runs)
		for (const { id, ids } of shardsOf(run)) {
			const known = await queue.getJob(id);
			// One that failed in an earlier session is tried again.
			if (await known?.isFailed()) await known!.remove();
			const { model, data, identity } = run;
			await queue.add(
				'shard',
				{ model, data, identity, ids },
				{ jobId: id, attempts: ATTEMPTS, backoff: { type: 'fixed', delay: 1000 } }
			);
			jobs.set(id, run);
		}
	return jobs;
}

/** Examples that have no result yet and have not been found unusable. */
function pendingOf({ ids, record }: QueuedRun): number[] {
	return ids.filter((id) => !record.results.has(id) && !record.skipped.has(id));
}

/** What a run lacks, in shards with the same names whenever it is the same. */
function shardsOf(run: QueuedRun): { readonly id: string; readonly ids: readonly number[] }[] {
	const { benchmark, model, projector, tokens, data } = run.identity;
	const shards = Map.groupBy(pendingOf(run), (id) => Math.floor(id / SHARD));
	// No colon: BullMQ keeps it for itself.
	return [...shards].map(([shard, of]) => ({
		id: [benchmark, model.name, projector, tokens, data.sha256.slice(0, 16), shard, of.length]
			.join('_')
			.replaceAll(':', '_'),
		ids: of
	}));
}

export interface WorkOptions {
	readonly signal: AbortSignal;
	/** Seconds without a sign of life after which a worker's job is given to another. */
	readonly stalledAfter: number;
	readonly answer: (job: ShardJob) => Promise<ShardResults>;
	readonly onDone: (job: ShardJob) => void;
}

/** Answers shards until it is aborted; the one in work is finished first. */
export async function work(
	url: string,
	{ signal, stalledAfter, answer, onDone }: WorkOptions
): Promise<void> {
	const { Worker, UnrecoverableError } = await optional(() => import('bullmq'));
	const redis = await connect(url);
	const worker: Worker<ShardJob, ShardResults> = new Worker(
		NAME,
		async ({ data }) => {
			try {
				const results = await answer(data);
				onDone(data);
				return results;
			} catch (error) {
				// What the user must put right does not become right by trying again.
				throw error instanceof InputError ? new UnrecoverableError(error.message) : error;
			}
		},
		{
			connection: redis,
			concurrency: 1,
			lockDuration: 1000 * stalledAfter,
			stalledInterval: 500 * stalledAfter,
			maxStalledCount: 5
		}
	);
	worker.on('error', () => undefined);
	await new Promise<void>((resolve) => {
		if (signal.aborted) resolve();
		signal.addEventListener('abort', () => resolve(), { once: true });
	});
	await worker.close();
	redis.disconnect();
}

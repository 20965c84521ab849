import type { Hasher } from '../../bytes/hash.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';
import { failureOf } from '../../tensor/thread-failure.ts';
import type { DTypePreset } from '../manifest.ts';
import { hashSource } from './hash-source.ts';
import { planConversion } from './plan.ts';
import type { FolderSink } from './sink.ts';
import { readManifest } from '../runtime/check-manifest.ts';
import { openSources } from './source.ts';
import type { FolderResolver } from './pick.ts';
import type { ThreadAnswer, ThreadTask } from './thread-messages.ts';
import { encodeShard } from './threads.ts';

/** What all threads of a conversion have to know alike, so that their plans are one. */
export interface PlanChoices {
	readonly dtype: DTypePreset;
	readonly projectorName?: string | undefined;
	readonly languageLimit?: number | undefined;
}

export interface ThreadFolders {
	readonly checkpoint: SourceFolder;
	readonly resolve: FolderResolver;
	readonly sink: FolderSink;
}

export interface ThreadOptions {
	readonly choices: PlanChoices;
	/** Opens what the conversion opened; called once. */
	readonly open: () => Promise<ThreadFolders>;
	readonly createHash: () => Hasher;
	readonly answer: (answer: ThreadAnswer) => void;
}

/** Bytes are told of this often; a message costs more than a megabyte's hash. */
const REPORT_MS = 50;

type Work = Exclude<ThreadTask, { readonly kind: 'cancel' }>;

const once = <T>(make: () => Promise<T>) => {
	let made: Promise<T> | undefined;
	return () => (made ??= make());
};

/** The work of one thread of a conversion. @returns what takes its tasks, one after the other's last answer */
export function serveThread({
	choices,
	open,
	createHash,
	answer
}: ThreadOptions): (task: ThreadTask) => void {
	const opened = once(open);
	const planned = once(async () => {
		const { checkpoint, resolve, sink } = await opened();
		const sources = await openSources(checkpoint, resolve, choices.projectorName);
		const existing = await readManifest(sink.folder);
		const { shards } = planConversion(sources, { ...choices, existing });
		return new Map(shards.map((shard) => [shard.path, shard]));
	});
	// Begun while the conversion makes its own; whoever needs the plan hears of errors.
	planned().catch(() => undefined);
	let abort = new AbortController();

	const work = async (task: Work, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<string> => {
		const { checkpoint, sink } = await opened();
		if (task.kind === 'hash') {
			const source = await checkpoint.open(task.path);
			if (!source)
				throw new InputError(`${checkpoint.name} lost its file ${task.path} during the conversion.`);
			return hashSource(source, createHash(), onBytes);
		}
		const shard = (await planned()).get(task.path);
		if (!shard) throw new Error(`${task.path} is no shard of this conversion.`);
		signal.throwIfAborted();
		return encodeShard(shard, task.write ? await sink.create(task.path) : undefined, createHash(), onBytes);
	};

	const run = async (task: Work): Promise<string> => {
		const { signal } = abort;
		let unreported = 0;
		let last = 0;
		const report = () => {
			answer({ call: task.call, bytes: unreported });
			unreported = 0;
		};
		const digest = await work(task, signal, (bytes) => {
			signal.throwIfAborted();
			unreported += bytes;
			const now = performance.now();
			if (now - last < REPORT_MS) return;
			last = now;
			report();
		});
		report();
		return digest;
	};

	return (task) => {
		if (task.kind === 'cancel') {
			abort.abort();
			abort = new AbortController();
			return;
		}
		run(task).then(
			(sha256) => answer({ call: task.call, sha256 }),
			(error: unknown) => answer({ call: task.call, ...failureOf(error) })
		);
	};
}

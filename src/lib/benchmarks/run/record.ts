import { isObject, type Json, type JsonObject } from '../../bytes/json.ts';
import type { AnswerResult, StageTimings } from '../../model/runtime/types.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Benchmark, Data, Result } from '../benchmark.ts';
import { checkData } from '../formats/files.ts';
import { readAbout, type RunAbout } from './about.ts';
import type { RunStorage } from './storage.ts';
import type { RecordedWording } from './wording.ts';

const MANIFEST = 'manifest.json';
const RESULTS = 'results.jsonl';
const SKIPPED = 'not-asked.jsonl';

/** What makes two runs the same: everything that may change an answer. */
export interface RunIdentity {
	readonly benchmark: string;
	/** Examples of the data, and a hash of their ids, prompts and fields. */
	readonly data: { readonly examples: number; readonly sha256: string };
	readonly generation: { readonly max_new_tokens: number };
	/** In whose words it was asked; absent: in Honeybee's. */
	readonly wording?: RecordedWording;
	/** Files that the run computes with, path → sha256. */
	readonly model: { readonly name: string; readonly files: Readonly<Record<string, string>> };
	/** Transparent pictures were laid on white; absent: alpha was dropped. */
	readonly transparency?: 'white';
	readonly projector: string;
	/** M */
	readonly tokens: number;
	readonly dtype: string;
	readonly backend: string;
	/** Of the workbench and the runtime. */
	readonly versions: Readonly<Record<string, string>>;
	readonly seed: number;
}

export interface RunManifest {
	readonly format: 'honeybee-run';
	readonly format_version: 1;
	/** ISO 8601 */
	readonly created: string;
	readonly identity: RunIdentity;
}

/** One line of `results.jsonl`. */
export interface RunResult extends Result {
	readonly new_tokens: number;
	readonly prompt_tokens: number;
	readonly stop_reason: AnswerResult['stop_reason'];
	readonly timings_ms: StageTimings;
	/** Prompt positions that were taken from the cache; such a prefill time says nothing. */
	readonly cached_positions: number;
}

/** An example that could not be asked, such as one whose image is damaged. */
export interface Skipped {
	readonly id: number;
	/** A sentence. */
	readonly reason: string;
}

/** Results of one run, kept as they come. */
export interface RunRecord {
	readonly manifest: RunManifest;
	/** By id. */
	readonly results: ReadonlyMap<number, RunResult>;
	/** Examples that could not be asked since the run was opened, by id; the next opening tries them again. */
	readonly skipped: ReadonlyMap<number, Skipped>;
	/** Whether a half-written last line was removed. */
	readonly repaired: boolean;
	add(result: RunResult): Promise<void>;
	/** Notes that an example could not be asked. */
	skip(skipped: Skipped): Promise<void>;
}

/**
 * Begins a run, or goes on with the one that the storage holds. A half-written last line, as a crash leaves it, is removed.
 *
 * @throws InputError when there is a run already and `resume` is not set, when it was made with something else, or when its
 * results are damaged elsewhere than in the last line
 */
export async function openRun(
	storage: RunStorage,
	identity: RunIdentity,
	benchmark: Benchmark,
	{ resume = false, now = new Date() }: { readonly resume?: boolean; readonly now?: Date } = {}
): Promise<RunRecord> {
	const known = await storage.read(MANIFEST);
	let manifest: RunManifest;
	if (known) {
		manifest = parseManifest(known, storage.name);
		const difference = firstDifference(manifest.identity, identity);
		if (difference)
			throw new InputError(
				`${storage.name} holds a run with another ${difference}; choose another folder, or restore what it was made with.`
			);
		if (!resume)
			throw new InputError(
				`${storage.name} holds this run already; add --resume to go on with it, or choose another folder.`
			);
	} else {
		manifest = { format: 'honeybee-run', format_version: 1, created: now.toISOString(), identity };
		await storage.write(MANIFEST, `${JSON.stringify(manifest, null, '\t')}\n`);
	}
	const { results, repaired } = await readResults(storage, benchmark);
	if (await storage.read(SKIPPED)) await storage.write(SKIPPED, '');
	const skipped = new Map<number, Skipped>();
	return {
		manifest,
		results,
		skipped,
		repaired,
		async add(result) {
			if (results.has(result.id)) throw new Error(`Example ${result.id} has a result already.`);
			await storage.append(RESULTS, `${JSON.stringify(result)}\n`);
			results.set(result.id, result);
		},
		async skip(one) {
			skipped.set(one.id, one);
			await storage.append(SKIPPED, `${JSON.stringify(one)}\n`);
		}
	};
}

/** A run as it lies in its storage. */
export interface KeptRun {
	readonly manifest: RunManifest;
	readonly benchmark: Benchmark;
	readonly results: readonly RunResult[];
	readonly skipped: readonly Skipped[];
	/** What its owner says of it. */
	readonly about: RunAbout;
}

/**
 * Manifest and results of a run to look at, without changing anything; a half-written last line is passed over.
 * @throws InputError when the storage holds something else
 */
export async function readRun(
	storage: RunStorage,
	findBenchmark: (name: string) => Benchmark
): Promise<KeptRun | undefined> {
	const bytes = await storage.read(MANIFEST);
	if (!bytes) return undefined;
	const manifest = parseManifest(bytes, storage.name);
	const benchmark = findBenchmark(manifest.identity.benchmark);
	const { results } = await readResults(
		{ ...storage, truncate: async () => undefined, append: async () => undefined },
		benchmark
	);
	const noted = new TextDecoder().decode(await storage.read(SKIPPED));
	// The last line may be cut off by a crash.
	const skipped = noted
		.split('\n')
		.slice(0, -1)
		.map((line) => JSON.parse(line) as Skipped);
	return {
		...{ manifest, benchmark, results: [...results.values()], about: await readAbout(storage) },
		skipped: skipped.filter(({ id }) => !results.has(id))
	};
}

function parseManifest(bytes: Uint8Array, name: string): RunManifest {
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder().decode(bytes));
	} catch {
		value = undefined;
	}
	if (!isObject(value) || value['format'] !== 'honeybee-run' || !isObject(value['identity']))
		throw new InputError(`${MANIFEST} in ${name} is no manifest of a run; choose another folder.`);
	if (value['format_version'] !== 1)
		throw new InputError(
			`${MANIFEST} in ${name} has version ${JSON.stringify(value['format_version'])}; this program reads version 1, use a newer one.`
		);
	return value as unknown as RunManifest;
}

/** "name (was a, is b)" of the first field, to any depth, that differs. */
function firstDifference(was: unknown, is: unknown, path = ''): string | undefined {
	if (isObject(was) && isObject(is)) {
		for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
			const found = firstDifference(was[key], is[key], path ? `${path}.${key}` : key);
			if (found) return found;
		}
		return undefined;
	}
	if (was === is) return undefined;
	const short = (value: unknown) =>
		value === undefined ? 'absent' : (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 16);
	return `${path} (was ${short(was)}, is ${short(is)})`;
}

async function readResults(
	storage: RunStorage,
	benchmark: Benchmark
): Promise<{ results: Map<number, RunResult>; repaired: boolean }> {
	const results = new Map<number, RunResult>();
	const bytes = await storage.read(RESULTS);
	if (!bytes) return { results, repaired: false };
	const where = (line: number) => `${storage.name}/${RESULTS}, line ${line}`;
	let start = 0;
	for (let line = 1; start < bytes.length; line++) {
		const newline = bytes.indexOf(10, start);
		const end = newline < 0 ? bytes.length : newline;
		const result = parseResult(bytes.subarray(start, end), benchmark, where(line));
		const last = newline < 0 || newline === bytes.length - 1;
		if (!result) {
			if (!last)
				throw new InputError(
					`${where(line)}, is not a result; the lines after it are, so remove this one and go on with --resume.`
				);
			await storage.truncate(RESULTS, start);
			return { results, repaired: true };
		}
		if (results.has(result.id))
			throw new InputError(
				`${where(line)}: example ${result.id} is there already; remove one of the two lines and go on with --resume.`
			);
		results.set(result.id, result);
		if (newline < 0) await storage.append(RESULTS, '\n');
		start = end + 1;
	}
	return { results, repaired: false };
}

/** A line as a result; undefined when it was not written to its end. */
function parseResult(bytes: Uint8Array, benchmark: Benchmark, where: string): RunResult | undefined {
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
	} catch {
		return undefined;
	}
	if (
		!isObject(value) ||
		typeof value['id'] !== 'number' ||
		typeof value['pred'] !== 'string' ||
		!isObject(value['data'])
	)
		throw new InputError(`${where}, is not a result of a run; the file is another kind.`);
	checkData<Data>(value['data'] as JsonObject<Json>, benchmark.fields, where);
	return value as unknown as RunResult;
}

import { isObject, type Json } from '../bytes/json.ts';

/** A number of the model's own evaluation record, with its interval (shares, 0 to 1). */
export interface TrainedScore {
	readonly projector: string;
	/** M */
	readonly tokens: number;
	readonly task: string;
	readonly accuracy: number;
	readonly low?: number;
	readonly high?: number;
	readonly n?: number;
}

/** Tasks with long answers, which the headline leaves out. */
const WRITTEN = ['referring', 'caption'];

/**
 * Scores of one split in `evaluation.json`, as training wrote them: projector → task, or projector → M → task, or "projector@M" → task.
 * What is not of that shape is passed over.
 */
export function trainedScores(evaluation: Json, split: string): TrainedScore[] {
	if (!isObject(evaluation)) return [];
	const { splits, projectors } = evaluation;
	const of = isObject(splits) ? splits[split] : undefined;
	if (!isObject(of)) return [];
	const own = (projector: string) => {
		const config = isObject(projectors) ? projectors[projector] : undefined;
		const tokens = isObject(config) ? config['num_query_tokens'] : undefined;
		return typeof tokens === 'number' ? tokens : undefined;
	};
	return Object.entries(of).flatMap(([key, tasks]) => {
		const [projector, at] = key.split('@') as [string, string?];
		if (!isObject(tasks)) return [];
		const byTokens = Object.entries(tasks).filter(([name]) => /^\d+$/.test(name));
		if (byTokens.length > 0)
			return byTokens.flatMap(([tokens, inner]) =>
				isObject(inner) ? rows(projector, Number(tokens), inner) : []
			);
		const tokens = at === undefined ? own(projector) : Number(at);
		return tokens === undefined ? [] : rows(projector, tokens, tasks);
	});
}

function rows(projector: string, tokens: number, tasks: { readonly [task: string]: Json }): TrainedScore[] {
	return Object.entries(tasks).flatMap(([task, value]) => {
		if (!isObject(value) || typeof value['accuracy'] !== 'number') return [];
		const { accuracy, low, high, n } = value;
		return [
			{
				...{ projector, tokens, task, accuracy },
				...(typeof low === 'number' && typeof high === 'number' && { low, high }),
				...(typeof n === 'number' && { n })
			}
		];
	});
}

/** Mean over the tasks with short answers, in percent: the headline of the scenes benchmarks. */
export function trainedHeadlines(
	scores: readonly TrainedScore[]
): { readonly projector: string; readonly tokens: number; readonly value: number; readonly n: number }[] {
	const groups = Map.groupBy(
		scores.filter(({ task }) => !WRITTEN.includes(task)),
		({ projector, tokens }) => `${projector} ${tokens}`
	);
	return [...groups.values()].map((group) => ({
		projector: group[0]!.projector,
		tokens: group[0]!.tokens,
		value: (100 * group.reduce((sum, { accuracy }) => sum + accuracy, 0)) / group.length,
		n: group.reduce((sum, { n = 0 }) => sum + n, 0)
	}));
}

/** The model's evaluation record beside its manifest; undefined when it has none. @param url the folder's, with a trailing slash */
export async function loadEvaluation(url: string, path: string): Promise<Json | undefined> {
	const text = await recordBeside(url, path);
	try {
		return text === undefined ? undefined : (JSON.parse(text) as Json);
	} catch {
		return undefined;
	}
}

/** A record in the model's folder, as text; undefined when it has none, also where a server answers with its start page. */
export async function recordBeside(url: string, path: string): Promise<string | undefined> {
	const response = await fetch(new URL(path, url)).catch(() => undefined);
	if (!response?.ok || response.headers.get('content-type')?.startsWith('text/html')) return undefined;
	return response.text();
}

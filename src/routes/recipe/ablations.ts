import { isObject, type Json } from '$lib/bytes/json.ts';

/** One switch of the recipe turned, everything else kept. */
export interface Ablation {
	readonly name: string;
	readonly steps?: number;
	/** Accuracy by task, 0 to 1, free-form and in the short-answer template. */
	readonly free: Readonly<Record<string, number>>;
	readonly short: Readonly<Record<string, number>>;
	/** In a wording that no recipe trains on; empty where it was not asked. */
	readonly reworded: Readonly<Record<string, number>>;
	/** 95 % interval of the change of the mean over tasks against the first variant, by form; resampled over scenes. */
	readonly change: Readonly<Partial<Record<AblationForm, readonly [low: number, high: number]>>>;
}

export const ablationForms = ['free', 'short', 'reworded'] as const;
export type AblationForm = (typeof ablationForms)[number];

export interface Ablations {
	readonly projector: string;
	readonly tokens?: number;
	readonly minutes?: number;
	/** Training steps of every variant, where they were all given the same. */
	readonly steps?: number;
	readonly scenes?: number;
	readonly from: string;
	readonly variants: readonly Ablation[];
}

/** Ablations of a model's evaluation record; undefined when it has none. */
export function ablationsOf(evaluation: Json | undefined): Ablations | undefined {
	const record = isObject(evaluation) ? evaluation['ablations'] : undefined;
	if (!isObject(record) || !isObject(record['variants'])) return undefined;
	const text = (value: Json | undefined) => (typeof value === 'string' ? value : '');
	const number = (value: Json | undefined) => (typeof value === 'number' ? value : undefined);
	const [tokens, minutes, scenes, steps] = ['tokens', 'minutes', 'scenes', 'steps'].map((name) =>
		number(record[name])
	);
	return {
		projector: text(record['projector']),
		from: text(record['from']),
		...(tokens !== undefined && { tokens }),
		...(minutes !== undefined && { minutes }),
		...(steps !== undefined && { steps }),
		...(scenes !== undefined && { scenes }),
		variants: Object.entries(record['variants']).flatMap(([name, row]) => {
			if (!isObject(row)) return [];
			const steps = number(row['steps']);
			return [
				{
					name,
					free: accuracies(row['free']),
					short: accuracies(row['short']),
					reworded: accuracies(row['reworded']),
					change: changes(row['change']),
					...(steps !== undefined && { steps })
				}
			];
		})
	};
}

function accuracies(value: Json | undefined): Record<string, number> {
	if (!isObject(value)) return {};
	return Object.fromEntries(
		Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
	);
}

function changes(value: Json | undefined): Ablation['change'] {
	if (!isObject(value)) return {};
	return Object.fromEntries(
		ablationForms.flatMap((form) => {
			const entry = value[form];
			const interval = isObject(entry) ? entry['interval'] : undefined;
			if (!Array.isArray(interval)) return [];
			const [low, high] = interval as readonly unknown[];
			return typeof low === 'number' && typeof high === 'number' ? [[form, [low, high] as const]] : [];
		})
	);
}

/** Mean over tasks; undefined when there are none. */
export function meanAccuracy(of: Readonly<Record<string, number>>): number | undefined {
	const values = Object.values(of);
	return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

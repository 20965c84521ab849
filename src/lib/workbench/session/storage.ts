/** What the page remembers between visits. A subset of `Storage`, so that tests pass a plain map. */
export interface Memory {
	getItem(key: string): string | null;
	setItem(key: string, value: string): void;
}

const prefix = 'honeybee.';

/** The browser's local storage, or nothing at all where it is refused (private windows, blocked cookies). */
export function browserMemory(): Memory {
	try {
		localStorage.getItem(prefix);
		return localStorage;
	} catch {
		return { getItem: () => null, setItem: () => undefined };
	}
}

/** The remembered value under `key`, or `fallback` when there is none or `accept` refuses it. */
export function recall<T>(
	memory: Memory,
	key: string,
	accept: (value: unknown) => value is T,
	fallback: T
): T {
	const text = memory.getItem(prefix + key);
	if (text === null) return fallback;
	try {
		const value: unknown = JSON.parse(text);
		return accept(value) ? value : fallback;
	} catch {
		return fallback;
	}
}

export function remember(memory: Memory, key: string, value: unknown): void {
	try {
		memory.setItem(prefix + key, JSON.stringify(value));
	} catch {
		// Storage full: what was to be remembered is a convenience, never the work itself.
	}
}

export const isNumber = (value: unknown): value is number =>
	typeof value === 'number' && Number.isFinite(value);
export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
export const isString = (value: unknown): value is string => typeof value === 'string';

/** Accepts one of the given words. */
export function oneOf<T extends string>(...words: readonly T[]): (value: unknown) => value is T {
	return (value): value is T => words.some((word) => word === value);
}

import { significant, sizeInWords } from '../../bytes/sizes.ts';

/** Numbers as the page shows them: tabular, a thin number of digits, unit after a no-break space. */

/** Bytes, e.g. `34.1 MB`. */
export function bytes(count: number): string {
	return sizeInWords(count).replace(' ', '\u00a0');
}

/** A duration in milliseconds, e.g. `0.4 ms`, `38 ms`, `1.52 s`, `2 min 5 s`. */
export function duration(ms: number): string {
	if (ms < 10) return `${ms.toFixed(1)}\u00a0ms`;
	if (ms < 1000) return `${Math.round(ms)}\u00a0ms`;
	if (ms < 60_000) return `${significant(ms / 1000)}\u00a0s`;
	const seconds = Math.round(ms / 1000);
	return `${Math.floor(seconds / 60)}\u00a0min ${seconds % 60}\u00a0s`;
}

/** Tokens per second. */
export function rate(perSecond: number): string {
	return `${significant(perSecond)}\u00a0tokens/s`;
}

/** A count with thin groups, e.g. `32 000`. */
export function count(value: number): string {
	return value.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** `1 file`, `3 files`. */
export function plural(value: number, one: string, many = `${one}s`): string {
	return `${count(value)}\u00a0${value === 1 ? one : many}`;
}

/** Ascending numbers in a row; of a long row the first three and the last. */
export function row(numbers: readonly number[]): string {
	if (numbers.length <= 8) return numbers.map(count).join(', ');
	return `${numbers.slice(0, 3).map(count).join(', ')}, … ${count(numbers.at(-1)!)}`;
}

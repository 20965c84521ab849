/** Numbers as the page shows them: tabular, a thin number of digits, unit after a no-break space. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes, e.g. `34.2 MiB`. */
export function bytes(count: number): string {
	let value = count;
	let unit = 0;
	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit += 1;
	}
	return `${unit === 0 ? value : significant(value)}\u00a0${units[unit]}`;
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

/** Three significant figures, never in exponent form. */
function significant(value: number): string {
	if (value >= 100) return Math.round(value).toString();
	if (value >= 10) return value.toFixed(1);
	return value.toFixed(2);
}

/** Sizes in words, in decimal units, as disks, downloads and graphics cards are sold. */

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A size with three significant figures, e.g. `34.1 MB`. */
export function sizeInWords(bytes: number): string {
	let value = bytes;
	let unit = 0;
	// What would be written as 1000 is 1 of the next unit.
	while (value >= 999.5 && unit < units.length - 1 && (unit > 0 || value >= 1000)) {
		value /= 1000;
		unit++;
	}
	return `${unit === 0 ? value : significant(value)} ${units[unit]}`;
}

/** A size in MB, where sizes are compared with each other. */
export function megabytes(bytes: number): string {
	return `${Math.round(bytes / 1e6)} MB`;
}

/** A size in GB, where sizes are compared with each other. @param digits after the point; small sizes keep three */
export function gigabytes(bytes: number, digits = bytes < 1e8 ? 3 : 1): string {
	return `${(bytes / 1e9).toFixed(digits)} GB`;
}

/** Three significant figures, or the whole number; never in exponent form. */
export function significant(value: number): string {
	return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}

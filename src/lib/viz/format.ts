import { format } from 'd3';

const plain = format('.3~r');
const scientific = format('.2~e');

/** Three significant digits, a true minus sign, – for what is not a number. */
export function number(value: number): string {
	if (!Number.isFinite(value)) return '–';
	const magnitude = Math.abs(value);
	if (magnitude === 0) return '0';
	return magnitude < 1e-3 || magnitude >= 1e5 ? scientific(value).replace('e-', 'e−') : plain(value);
}

/** Number with its unit, a no-break space between. */
export function quantity(value: number, unit: string): string {
	return unit === '' ? number(value) : `${number(value)}\u00A0${unit}`;
}

/** Share as a percentage. */
export function percent(share: number): string {
	return Number.isFinite(share) ? `${number(share * 100)}\u00A0%` : '–';
}

/** For tables and CSV: enough digits to calculate on. */
export function exact(value: number): number {
	return Number.isFinite(value) ? Number(value.toPrecision(6)) : NaN;
}

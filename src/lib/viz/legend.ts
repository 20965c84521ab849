import { LINE } from './svg.ts';
import { widthOf } from './type.ts';

/** Names side by side, each after its sign, in as many lines as they need. */
export interface LegendPlaces {
	/** Where each one's sign begins, and the baseline. */
	readonly places: readonly { readonly x: number; readonly y: number }[];
	/** Pixels that all of it takes. */
	readonly height: number;
}

/** Pixels between two names. */
const APART = 17;

/** @param sign pixels of the sign in front of each name, the room behind it included */
export function legendPlaces(
	names: readonly string[],
	width: number,
	{ sign = 13, size = 12 }: { readonly sign?: number; readonly size?: number } = {}
): LegendPlaces {
	let x = 0;
	let y = 12;
	const places = names.map((name) => {
		const needs = sign + widthOf(name, size);
		if (x > 0 && x + needs > width) [x, y] = [0, y + LINE];
		const place = { x, y };
		x += needs + APART;
		return place;
	});
	return { places, height: names.length === 0 ? 0 : y + 6 };
}

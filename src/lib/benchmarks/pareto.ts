/** A configuration to compare: what it costs and what it scores. */
export interface Tradeoff {
	/** E.g. milliseconds; less is better. */
	readonly cost: number;
	/** More is better. */
	readonly score: number;
}

/** Those that no other one beats in one respect without losing in the other, by rising cost. */
export function paretoFront<T extends Tradeoff>(points: readonly T[]): T[] {
	const sorted = [...points].sort((a, b) => a.cost - b.cost || b.score - a.score);
	let best = -Infinity;
	return sorted.filter(({ score }) => {
		if (score <= best) return false;
		best = score;
		return true;
	});
}

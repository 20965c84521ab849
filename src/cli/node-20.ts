/**
 * What the command line uses and Node 20 lacks. Import it first.
 * `Map.groupBy` came with Node 21 (ECMAScript 2024).
 */
export function groupBy<K, T>(items: Iterable<T>, keyOf: (item: T, index: number) => K): Map<K, T[]> {
	const groups = new Map<K, T[]>();
	let index = 0;
	for (const item of items) {
		const key = keyOf(item, index++);
		const group = groups.get(key);
		if (group) group.push(item);
		else groups.set(key, [item]);
	}
	return groups;
}

// The types say that it is always there.
(Map as { groupBy?: unknown }).groupBy ??= groupBy;

import { InputError } from '../tensor/errors.ts';

export interface Assignment {
	/** Column given to each row [rows], −1 for a row left over. */
	readonly columnOfRow: Int32Array;
	/** Row given to each column [columns], −1 for a column left over. */
	readonly rowOfColumn: Int32Array;
	/** Sum of the chosen costs. */
	readonly cost: number;
}

/**
 * Matches rows and columns one to one at the smallest total cost; the longer side keeps what is left over. Shortest augmenting paths
 * with potentials (Jonker and Volgenant 1987, as laid out by Crouse 2016), O(r²·c) for r ≤ c.
 * @param cost [rows, columns] row-major, finite
 */
export function assign(cost: Float64Array | Float32Array, rows: number, columns: number): Assignment {
	if (cost.length !== rows * columns)
		throw new InputError(
			`A cost matrix ${rows} × ${columns} needs ${rows * columns} values, got ${cost.length}.`
		);
	for (const value of cost)
		if (!Number.isFinite(value))
			throw new InputError('A cost matrix must not hold infinite or undefined values.');
	const transposed = rows > columns;
	const [short, long] = transposed ? [columns, rows] : [rows, columns];
	const at = transposed
		? (i: number, j: number) => cost[j * columns + i]!
		: (i: number, j: number) => cost[i * columns + j]!;
	const longOfShort = shortestPaths(short, long, at);

	const columnOfRow = new Int32Array(rows).fill(-1);
	const rowOfColumn = new Int32Array(columns).fill(-1);
	let total = 0;
	for (let i = 0; i < short; i++) {
		const j = longOfShort[i]!;
		const [row, column] = transposed ? [j, i] : [i, j];
		columnOfRow[row] = column;
		rowOfColumn[column] = row;
		total += cost[row * columns + column]!;
	}
	return { columnOfRow, rowOfColumn, cost: total };
}

function shortestPaths(short: number, long: number, cost: (i: number, j: number) => number): Int32Array {
	const u = new Float64Array(short);
	const v = new Float64Array(long);
	const longOfShort = new Int32Array(short).fill(-1);
	const shortOfLong = new Int32Array(long).fill(-1);
	const distance = new Float64Array(long);
	const before = new Int32Array(long);
	const open = new Int32Array(long);
	const inTree = new Uint8Array(short);

	for (let start = 0; start < short; start++) {
		distance.fill(Infinity);
		inTree.fill(0);
		let remaining = long;
		for (let j = 0; j < long; j++) open[j] = long - 1 - j;
		let length = 0;
		let i = start;
		let sink = -1;
		while (sink < 0) {
			inTree[i] = 1;
			let closest = -1;
			let smallest = Infinity;
			for (let k = 0; k < remaining; k++) {
				const j = open[k]!;
				const through = length + cost(i, j) - u[i]! - v[j]!;
				if (through < distance[j]!) {
					distance[j] = through;
					before[j] = i;
				}
				// Ties go to a free column: the path ends sooner.
				if (distance[j]! < smallest || (distance[j] === smallest && shortOfLong[j] === -1)) {
					smallest = distance[j]!;
					closest = k;
				}
			}
			length = smallest;
			const j = open[closest]!;
			if (shortOfLong[j] === -1) sink = j;
			else i = shortOfLong[j]!;
			open[closest] = open[--remaining]!;
			open[remaining] = j;
		}
		u[start]! += length;
		for (let other = 0; other < short; other++)
			if (inTree[other] && other !== start) u[other]! += length - distance[longOfShort[other]!]!;
		for (let k = remaining; k < long; k++) {
			const j = open[k]!;
			v[j]! -= length - distance[j]!;
		}
		for (let j = sink; ;) {
			const row = before[j]!;
			const next = longOfShort[row]!;
			shortOfLong[j] = row;
			longOfShort[row] = j;
			if (row === start) break;
			j = next;
		}
	}
	return longOfShort;
}

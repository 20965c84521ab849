/** A rectangle, pixels. */
export interface Box {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
}

/** A word that belongs to a point. */
export interface PointLabel {
	readonly x: number;
	readonly y: number;
	readonly width: number;
}

/** Height of a label's letters, pixels of type 11. */
const HEIGHT = 10;
/** Pixels from a point to its label, near and, where all near places are taken, far. */
const GAPS = [6, 16];
/** Sides of the point in the order of liking, as Imhof (1975) has them for maps: right above first. */
const SIDES = [
	[1, -1],
	[1, 1],
	[-1, -1],
	[-1, 1],
	[0, -1],
	[0, 1],
	[1, 0],
	[-1, 0]
] as const;

/**
 * Places of labels beside their points: each takes the place that covers least of marks and of labels placed before it, the most liked one
 * among equals.
 * @param obstacles marks that should stay free
 * @param bounds that labels should stay in
 */
export function placeLabels(labels: readonly PointLabel[], obstacles: readonly Box[], bounds: Box): Box[] {
	const taken = [...obstacles];
	return labels.map((label) => {
		let best: Box | undefined;
		let least = Infinity;
		for (const gap of GAPS)
			for (const [dx, dy] of SIDES) {
				const box = beside(label, dx, dy, gap);
				const covered = taken.reduce((sum, other) => sum + overlap(box, other), 0);
				// Out of bounds is worse than covering as much.
				const outside = box.width * box.height - overlap(box, bounds);
				const cost = covered + 4 * outside;
				if (cost < least - 1e-9) [best, least] = [box, cost];
			}
		taken.push(best!);
		return best!;
	});
}

function beside({ x, y, width }: PointLabel, dx: number, dy: number, gap: number): Box {
	const near = dx !== 0 && dy !== 0 ? gap * 0.7 : gap;
	return {
		x: dx === 0 ? x - width / 2 : dx > 0 ? x + near : x - near - width,
		y: dy === 0 ? y - HEIGHT / 2 : dy > 0 ? y + near : y - near - HEIGHT,
		width,
		height: HEIGHT
	};
}

/** Area that two rectangles share. */
export function overlap(a: Box, b: Box): number {
	const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
	const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
	return across > 0 && down > 0 ? across * down : 0;
}

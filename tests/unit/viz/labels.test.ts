import { describe, expect, it } from 'vitest';
import { overlap, placeLabels, type Box } from '../../../src/lib/viz/labels.ts';

const bounds = { x: 0, y: 0, width: 200, height: 100 };
const marks = (points: readonly { readonly x: number; readonly y: number }[]): Box[] =>
	points.map(({ x, y }) => ({ x: x - 4, y: y - 4, width: 8, height: 8 }));
const covered = (boxes: readonly Box[]) =>
	boxes.flatMap((a, i) => boxes.slice(i + 1).map((b) => overlap(a, b))).reduce((sum, area) => sum + area, 0);

describe('labels of points', () => {
	it('stand right above a point that is alone', () => {
		const [box] = placeLabels([{ x: 50, y: 50, width: 30 }], marks([{ x: 50, y: 50 }]), bounds);
		expect(box!.x).toBeGreaterThan(54);
		expect(box!.y + box!.height).toBeLessThan(50);
	});

	it('cover neither each other nor a point where there is room', () => {
		const points = Array.from({ length: 6 }, (_, i) => ({ x: 40 + 14 * i, y: 50 + 3 * i, width: 24 }));
		const obstacles = marks(points);
		const boxes = placeLabels(points, obstacles, bounds);
		expect(covered(boxes)).toBe(0);
		for (const box of boxes) for (const mark of obstacles) expect(overlap(box, mark)).toBe(0);
	});

	it('stay inside', () => {
		const points = [
			{ x: 198, y: 2, width: 40 },
			{ x: 1, y: 99, width: 40 }
		];
		for (const box of placeLabels(points, [], bounds)) expect(overlap(box, bounds)).toBe(40 * box.height);
	});
});

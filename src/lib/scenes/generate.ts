import { Rng } from './rng.ts';
import type { Scene, SceneObject, Split } from './types.ts';

export const imageSize = 96;
const cellSize = imageSize / 3;
export const classCount = 24;
export const seedLimit = 2 ** 28;

export const backgrounds = [
	{ name: 'white', rgb: [240, 240, 240] },
	{ name: 'gray', rgb: [150, 150, 150] },
	{ name: 'black', rgb: [30, 30, 30] },
	{ name: 'pink', rgb: [245, 180, 200] },
	{ name: 'blue', rgb: [120, 170, 230] },
	{ name: 'green', rgb: [140, 200, 140] },
	{ name: 'yellow', rgb: [245, 235, 160] }
] as const;

interface SplitRule {
	readonly offset: number;
	readonly styles: readonly number[];
	readonly small: readonly [number, number];
	readonly large: readonly [number, number];
}

export const splits: Readonly<Record<Split, SplitRule>> = {
	train: { offset: 0x00000000, styles: [0, 1], small: [20, 23], large: [28, 32] },
	test: { offset: 0x40000000, styles: [0, 1], small: [20, 23], large: [28, 32] },
	style: { offset: 0x50000000, styles: [2], small: [20, 23], large: [28, 32] },
	size: { offset: 0x60000000, styles: [0, 1], small: [16, 18], large: [34, 38] }
};

/** Twice the centre, to stay in integers. */
export function centre2(object: SceneObject): { x: number; y: number } {
	return { x: 2 * object.x + object.size, y: 2 * object.y + object.size };
}

/** Cell 0..8 of the 3×3 grid (row-major) in which the object's centre lies. */
export function cellOf(object: SceneObject): number {
	const c = centre2(object);
	return Math.floor(c.y / (2 * cellSize)) * 3 + Math.floor(c.x / (2 * cellSize));
}

export function rngSeed(split: Split, seed: number): number {
	if (!Number.isInteger(seed) || seed < 0 || seed >= seedLimit)
		throw new RangeError(`A scene's seed is an integer from 0 to ${seedLimit - 1}, not ${seed}.`);
	return splits[split].offset + seed;
}

/** The centre is at least 3 px away from the lines of the 3×3 grid. */
function clearOfCellBorders(c2: number): boolean {
	return Math.abs(c2 - 2 * cellSize) >= 6 && Math.abs(c2 - 4 * cellSize) >= 6;
}

function apart(a: { x: number; y: number; size: number }, b: SceneObject): boolean {
	return a.x + a.size <= b.x || b.x + b.size <= a.x || a.y + a.size <= b.y || b.y + b.size <= a.y;
}

export function generateScene(seed: number, split: Split = 'test'): Scene {
	const rule = splits[split];
	const rng = new Rng(rngSeed(split, seed));
	const background = rng.below(backgrounds.length);
	const count = 1 + rng.below(6);
	const objects: SceneObject[] = [];
	for (let i = 0; i < count; i++) {
		const repeat = objects.length > 0 && rng.below(100) < 30;
		const cls = repeat ? rng.pick(objects).cls : rng.below(classCount);
		const style = rng.pick(rule.styles);
		const large = rng.below(2) === 1;
		const [low, high] = large ? rule.large : rule.small;
		const size = rng.between(low, high);
		for (let attempt = 0; attempt < 40; attempt++) {
			const x = rng.below(imageSize - size + 1);
			const y = rng.below(imageSize - size + 1);
			if (!clearOfCellBorders(2 * x + size) || !clearOfCellBorders(2 * y + size)) continue;
			if (objects.every((other) => apart({ x, y, size }, other))) {
				objects.push({ cls, style, size, large, x, y });
				break;
			}
		}
	}
	return { split, seed, background, objects };
}

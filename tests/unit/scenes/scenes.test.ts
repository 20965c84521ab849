import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import {
	Atlas,
	generateScene,
	questions,
	renderScene,
	seedLimit,
	splits
} from '../../../src/lib/scenes/index.ts';
import type { AtlasIndex, Split } from '../../../src/lib/scenes/index.ts';

interface Row {
	split: Split;
	seed: number;
	background: number;
	objects: [number, number, number, number, number, number][];
	rgb: string;
	round: number;
	questions: [string, string, string][];
}

const at = (path: string): URL => new URL(path, import.meta.url);
const rows: Row[] = JSON.parse(readFileSync(at('./scenes.json'), 'utf8'));
const index: AtlasIndex = JSON.parse(readFileSync(at('../../../static/scenes/atlas.json'), 'utf8'));
const png = decode(readFileSync(at('../../../static/scenes/atlas.png')));
const atlas = new Atlas(index, {
	width: png.width,
	height: png.height,
	data: new Uint8ClampedArray(png.data)
});

describe('scenes are the ones the model was trained on (fixtures from training/fixtures.py)', () => {
	it('has fixtures of every split', () => {
		expect(new Set(rows.map((row) => row.split))).toEqual(new Set(Object.keys(splits)));
		expect(png.channels).toBe(4);
	});

	it('places the same objects', () => {
		for (const row of rows) {
			const scene = generateScene(row.seed, row.split);
			const objects = scene.objects.map((o) => [o.cls, o.style, o.size, Number(o.large), o.x, o.y]);
			expect([scene.background, objects], `${row.split} ${row.seed}`).toEqual([row.background, row.objects]);
		}
	});

	it('draws the same pixels', () => {
		for (const row of rows) {
			const { data } = renderScene(generateScene(row.seed, row.split), atlas);
			const rgb = data.filter((_, i) => i % 4 !== 3);
			const hash = createHash('sha256').update(rgb).digest('hex');
			expect(hash, `${row.split} ${row.seed}`).toBe(row.rgb);
		}
	});

	it('asks the same questions', () => {
		for (const row of rows) {
			const asked = questions(generateScene(row.seed, row.split), index, row.round);
			expect(
				asked.map((q) => [q.task, q.question, q.answer]),
				`${row.split} ${row.seed}`
			).toEqual(row.questions);
		}
	});
});

describe('splits do not leak', () => {
	it('keeps seeds of different splits apart', () => {
		const offsets = Object.values(splits).map((rule) => rule.offset);
		for (const a of offsets)
			for (const b of offsets) if (a !== b) expect(Math.abs(a - b)).toBeGreaterThanOrEqual(seedLimit);
		expect(() => generateScene(seedLimit, 'train')).toThrow(RangeError);
	});

	it('gives held-out scenes that no training seed nearby repeats', () => {
		const key = (seed: number, split: Split): string => {
			const { background, objects } = generateScene(seed, split);
			return JSON.stringify([background, objects]);
		};
		const train = new Set(Array.from({ length: 4000 }, (_, seed) => key(seed, 'train')));
		const repeated = Array.from({ length: 2000 }, (_, seed) => key(seed, 'test')).filter((k) => train.has(k));
		expect(repeated).toEqual([]);
	});

	it('keeps the unseen style and sizes out of training', () => {
		expect(splits.train.styles).not.toContain(splits.style.styles[0]);
		const trained = [splits.train.small, splits.train.large];
		for (const [low, high] of [splits.size.small, splits.size.large])
			for (const [a, b] of trained) expect(high < a || low > b).toBe(true);
	});
});

// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../src/lib/model/projectors/registry.ts';
import type { Figure } from '../../src/lib/viz/figure.ts';
import type { FigureImage } from '../../src/lib/viz/image-panel.ts';
import { figures } from '../../src/lib/viz/registry.ts';
import { examples } from './examples.ts';

/** Figures that show the picture. */
const all = figures as unknown as readonly Figure<unknown>[];
const pictured = all.flatMap((figure) => {
	const rows = (examples as Record<string, unknown>)[figure.id] as { readonly image?: FigureImage };
	return rows.image ? [{ id: figure.id, figure, rows }] : [];
});

const boxOf = (element: Element) =>
	['x', 'y', 'width', 'height'].map((name) => Number(element.getAttribute(name)));

describe.each(pictured)('$id', ({ figure, rows }) => {
	it.each([2, 0.5])(
		'shows a picture in its own shape, %s times as wide as high, and its map on it',
		(aspect) => {
			const image = { ...rows.image!, aspect };
			const svg = figure.draw({ ...rows, image }, { width: 320, projectors });
			const photos = [...svg.querySelectorAll('image.photo')].map(boxOf);
			expect(photos.length).toBeGreaterThan(0);
			for (const [, , width, height] of photos) expect(width! / height!).toBeCloseTo(aspect, 6);
			// Maps are pixel images; those of them that are no heat map of their own lie on the picture.
			const maps = [...svg.querySelectorAll('image:not(.photo)')].map(boxOf);
			const on = maps.filter((map) => photos.some((photo) => String(photo) === String(map)));
			const square = figure.draw(
				{ ...rows, image: { ...rows.image!, aspect: 1 } },
				{ width: 320, projectors }
			);
			const before = [...square.querySelectorAll('image:not(.photo)')].map(boxOf);
			const places = [...square.querySelectorAll('image.photo')].map(boxOf);
			expect(on.length).toBe(
				before.filter((map) => places.some((one) => String(one) === String(map))).length
			);
			// What is below the picture moves with its end.
			const heightOf = (drawn: SVGSVGElement) => Number(drawn.getAttribute('viewBox')!.split(' ')[3]);
			if (aspect > 1) expect(heightOf(svg)).toBeLessThan(heightOf(square));
			else expect(heightOf(svg)).toBe(heightOf(square));
		}
	);
});

// @vitest-environment jsdom
import { expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../../../src/lib/model/projectors/registry.ts';
import { packDrawing, unpackDrawing } from '../../../../src/lib/viz/export/drawing.ts';
import type { Figure } from '../../../../src/lib/viz/figure.ts';
import { figures } from '../../../../src/lib/viz/registry.ts';
import { examples } from '../../../figures/examples.ts';

const pictures = (rows: unknown) =>
	[...JSON.stringify(rows).matchAll(/"href":"([^"]*)"/g)].map(([, href]) => href!);

it.each(figures.map(({ id }) => id))('%s is drawn from its file as it was', (id) => {
	const figure = figures.find((one) => one.id === id) as unknown as Figure<unknown>;
	const rows = (examples as Record<string, unknown>)[id];
	const packed = packDrawing({ rows, options: {} })!;
	const [address] = pictures(rows);
	const { rows: back } = unpackDrawing(packed, () => address);
	const draw = (what: unknown) =>
		figure.draw(what, { width: 320, theme: 'light', projectors, vector: true }).outerHTML;
	expect(draw(back)).toBe(draw(rows));
	expect(figure.table(back)).toEqual(figure.table(rows));
});

it('a picture that is not here is none, and a file names no address to fetch', () => {
	const packed = packDrawing({ rows: { image: { href: 'blob:1', name: 'a' } }, options: { scale: 'own' } })!;
	expect(unpackDrawing(packed, (name) => `blob:${name}`)).toEqual({
		rows: { image: { href: 'blob:a', name: 'a' } },
		options: { scale: 'own' }
	});
	const { rows } = unpackDrawing(packed, () => undefined);
	expect((rows as { image: { href: string } }).image.href).toMatch(/^data:image\/png;base64,/);
	expect(() => unpackDrawing('eJw=', () => undefined)).toThrow(/is damaged in the file; compute it again/);
});

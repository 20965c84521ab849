// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { declareReferences, keepPicturesOnce, refer } from '../../../../src/lib/viz/export/pictures.ts';
import { svgText } from '../../../../src/lib/viz/export/svg-file.ts';

const XLINK = 'http://www.w3.org/1999/xlink';

/** A drawing of images, each by its attributes and data. */
function drawingOf(images: readonly (readonly [Record<string, string>, string])[]): SVGSVGElement {
	const make = (name: string) => document.createElementNS('http://www.w3.org/2000/svg', name);
	const svg = make('svg') as SVGSVGElement;
	declareReferences(svg);
	for (const [attributes, data] of images) {
		const image = make('image');
		for (const [name, value] of Object.entries(attributes)) image.setAttribute(name, value);
		refer(image, data);
		svg.append(image);
	}
	return svg;
}

/** Every image as it is seen: what a reader of SVG makes of `use`. */
function seen(svg: SVGSVGElement) {
	return Array.from(svg.children)
		.filter(({ tagName }) => tagName !== 'defs')
		.map((element) => {
			const [, id] = /^#(.+)/.exec(element.getAttributeNS(XLINK, 'href') ?? '') ?? [];
			const picture = id === undefined ? element : svg.querySelector(`defs > #${id}`)!;
			const all = [picture, element].flatMap((one) => Array.from(one.attributes));
			const values = Object.fromEntries(all.map(({ name, value }) => [name, value]));
			return { ...values, id: undefined, 'xlink:href': picture.getAttributeNS(XLINK, 'href') };
		});
}

describe('pictures of a file', () => {
	const at = (x: number, more: Record<string, string> = {}) => ({
		...{ x: `${x}`, y: '4', width: '10', height: '8', preserveAspectRatio: 'none' },
		...more
	});
	const images = [
		[at(0), 'data:image/png;base64,AAAA'],
		[at(0, { 'image-rendering': 'pixelated', opacity: '0.7' }), 'data:image/png;base64,BBBB'],
		[at(20), 'data:image/png;base64,AAAA'],
		[at(20, { 'image-rendering': 'pixelated', opacity: '0.5' }), 'data:image/png;base64,BBBB'],
		[at(40, { width: '20' }), 'data:image/png;base64,AAAA'],
		[at(60, { 'clip-path': 'url(#half)' }), 'data:image/png;base64,AAAA']
	] as const;

	it('are there once each, and look as before wherever they are shown', () => {
		const svg = drawingOf(images);
		const before = seen(svg);
		keepPicturesOnce(svg);
		expect(seen(svg)).toEqual(before);
		// One of AAAA in each of its two sizes, one of BBBB.
		const text = svgText(svg);
		expect(text.match(/AAAA/g)).toHaveLength(2);
		expect(text.match(/BBBB/g)).toHaveLength(1);
		expect(svg.querySelectorAll('use')).toHaveLength(5);
	});

	it('are named as SVG 1.1 names them, with its usual prefix', () => {
		const text = svgText(drawingOf(images.slice(0, 1)));
		expect(text).toContain('xmlns:xlink="http://www.w3.org/1999/xlink"');
		expect(text).toContain(' xlink:href="data:image/png;base64,AAAA"');
		expect(text).not.toContain(' href=');
	});

	it('stay where they are when each is shown once', () => {
		const svg = drawingOf(images.slice(0, 2));
		const before = svg.outerHTML;
		keepPicturesOnce(svg);
		expect(svg.outerHTML).toBe(before);
	});
});

import { strToU8 } from 'fflate';
import { crc32 } from '../../bytes/crc32.ts';
import { penOf } from '../svg.ts';

const XLINK = 'http://www.w3.org/1999/xlink';

/** What two showings of one picture may differ in. */
const OF_A_SHOWING = ['x', 'y', 'opacity', 'transform', 'clip-path'];

/**
 * Names a picture's data, or an element of the file, by SVG 1.1's attribute with its usual prefix: Illustrator and older programs know no other,
 * and newer ones read it as well. Both would be the picture twice.
 */
export function refer(element: Element, href: string): void {
	element.removeAttribute('href');
	element.setAttributeNS(XLINK, 'xlink:href', href);
}

/** Says in the file's root what `xlink` is; elsewhere some programs do not look for it. */
export function declareReferences(svg: SVGSVGElement): void {
	svg.setAttributeNS('http://www.w3.org/2000/xmlns/', 'xmlns:xlink', XLINK);
}

/** Puts a picture that is shown several times into the file once: a figure of a hundred maps over one photograph is as large as one of them. */
export function keepPicturesOnce(svg: SVGSVGElement): void {
	const pen = penOf({ document: svg.ownerDocument });
	const showings = Map.groupBy(Array.from(svg.querySelectorAll('image')), pictureOf);
	const kept: SVGElement[] = [];
	for (const [picture, images] of showings) {
		if (images.length < 2) continue;
		// The same in every file, and another one for another picture: drawings that share a page do not meet.
		const id = `picture-${crc32(strToU8(picture)).toString(16).padStart(8, '0')}`;
		const one = images[0]!.cloneNode() as SVGElement;
		for (const name of OF_A_SHOWING) one.removeAttribute(name);
		one.id = id;
		kept.push(one);
		for (const image of images) {
			const use = pen('use');
			for (const name of OF_A_SHOWING) {
				const value = image.getAttribute(name);
				if (value !== null) use.setAttribute(name, value);
			}
			refer(use, `#${id}`);
			image.replaceWith(use);
		}
	}
	if (kept.length > 0) svg.prepend(pen('defs', {}, kept));
}

/** Attributes of an image that are not of one showing, as text. */
function pictureOf(image: Element): string {
	return Array.from(image.attributes)
		.filter(({ name }) => !OF_A_SHOWING.includes(name))
		.map(({ name, value }) => `${name}=${value}`)
		.toSorted()
		.join('\n');
}

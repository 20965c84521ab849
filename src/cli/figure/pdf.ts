import { readFile } from 'node:fs/promises';
import { fromBase64 } from '../../lib/bytes/base64.ts';
import { readImageHeader } from '../../lib/model/image/header.ts';
import type { Measure, PdfMeans } from '../../lib/viz/export/pdf.ts';
import type { Typeface } from '../../lib/viz/export/print.ts';

const names: Readonly<Record<Typeface, string>> = { sans: 'LiberationSans', serif: 'LiberationSerif' };

/** PDF in Node, with jsdom's document: fonts lie in the package, and jsPDF measures text by them. */
export function nodeMeans(document: Document): PdfMeans {
	return {
		document,
		async fonts(typeface) {
			const file = async (weight: string) =>
				new Uint8Array(await readFile(new URL(`${names[typeface]}-${weight}.ttf`, fontFolder())));
			return { normal: await file('Regular'), bold: await file('Bold') };
		},
		async within(measure, work) {
			const restore = [...measuring(document, measure), ...globals({ document, Image: ImageSize })];
			try {
				return await work();
			} finally {
				for (const put of restore) put();
			}
		}
	};
}

/** From the bundle in dist/cli and from this source. */
function fontFolder(): URL {
	const root = import.meta.url.includes('/src/cli/') ? '../../../' : '../../';
	return new URL(`${root}src/lib/viz/export/fonts/`, import.meta.url);
}

/** Lets text elements tell their width, which jsdom cannot. Gives what undoes it. */
function measuring(document: Document, { width }: Measure): (() => void)[] {
	const { prototype } = document.defaultView!.SVGElement;
	const before = Object.getOwnPropertyDescriptor(prototype, 'getBBox');
	Object.defineProperty(prototype, 'getBBox', {
		configurable: true,
		value(this: SVGElement) {
			const size = Number.parseFloat(this.getAttribute('font-size') ?? '12');
			const bold = this.getAttribute('font-weight') === 'bold';
			return { x: 0, y: 0, width: size * width(this.textContent ?? '', bold), height: size };
		}
	});
	return [
		() => {
			if (before) Object.defineProperty(prototype, 'getBBox', before);
			else Reflect.deleteProperty(prototype, 'getBBox');
		}
	];
}

/** Puts names where svg2pdf.js looks for those of a page. Gives what undoes it. */
function globals(values: Readonly<Record<string, unknown>>): (() => void)[] {
	return Object.entries(values).map(([name, value]) => {
		const before = Object.getOwnPropertyDescriptor(globalThis, name);
		Object.defineProperty(globalThis, name, { configurable: true, value });
		return () => {
			if (before) Object.defineProperty(globalThis, name, before);
			else Reflect.deleteProperty(globalThis, name);
		};
	});
}

/** An image element as far as svg2pdf.js needs one: the size of a data: URL. */
class ImageSize {
	width = 0;
	height = 0;
	onload: (() => void) | undefined;
	onerror: ((error: unknown) => void) | undefined;

	set src(url: string) {
		queueMicrotask(() => {
			try {
				const { width, height } = readImageHeader(fromBase64(url.slice(url.indexOf(',') + 1)), 'picture');
				Object.assign(this, { width, height });
				this.onload?.();
			} catch (error) {
				this.onerror?.(error);
			}
		});
	}
}

import { commands } from 'vitest/browser';
import { describe, expect, it } from 'vitest';
import { tokenPatchMap } from '../../../src/lib/analysis/map.ts';
import { dataUrl } from '../../../src/lib/bytes/data-url.ts';
import { fromBase64 } from '../../../src/lib/bytes/base64.ts';
import { projectorStyles as projectors } from '../../../src/lib/model/projectors/registry.ts';
import { exportFile, type Exportable } from '../../../src/lib/viz/export/files.ts';
import type { Cells } from '../../../src/lib/viz/export/print.ts';
import { tokenMap } from '../../../src/lib/viz/token-map.ts';
import { context, keep } from './items.ts';

declare module 'vitest/browser' {
	interface BrowserCommands {
		/** Bright lines between the cells of a map, in other programs (`vitest.config.ts`). */
		seamsOutside: (
			name: string,
			dpi: number,
			size: number
		) => Promise<{ readonly svg: number; readonly pdf: number }>;
	}
}

const side = 12;
const bell = Float32Array.from({ length: side * side }, (_, n) =>
	Math.exp(-(((n % side) - 5) ** 2 + (Math.floor(n / side) - 5) ** 2) / 8)
);

async function mapOver(grey: boolean): Promise<Exportable> {
	const photo = fromBase64(await commands.readFile('tests/fixtures/cases/overlay-seams/photo.png', 'base64'));
	return {
		figure: tokenMap,
		rows: {
			map: tokenPatchMap(1, side * side, bell),
			...{ token: 0, label: 'Response', unit: '', weighting: 'energy' },
			image: { href: dataUrl(photo), name: 'photo.png' }
		},
		options: { projectors, grey },
		selection: {},
		...{ provenance: '', method: '', ordinal: 0 }
	};
}

describe('a map over a picture', () => {
	it.each<[Cells, boolean]>([
		['image', false],
		['shapes', false],
		['image', true]
	])('has no seams between its cells as %s, picture in grey: %s', async (cells, grey) => {
		const name = `seams-${cells}${grey ? '-grey' : ''}`;
		const item = await mapOver(grey);
		for (const format of ['svg', 'pdf'] as const)
			await keep(
				`${name}.${format}`,
				await exportFile(item, format, { ...context, print: { ...context.print, cells } })
			);
		// 3.25 in at 110 dpi: the map is 357 pixels wide.
		const seen = await commands.seamsOutside(`test-results/export/${name}`, 110, 350);
		expect(seen).toEqual({ svg: 0, pdf: 0 });
		const svg = new DOMParser().parseFromString(
			new TextDecoder().decode(
				await exportFile(item, 'svg', { ...context, print: { ...context.print, cells } })
			),
			'image/svg+xml'
		);
		const [picture] = svg.querySelectorAll('image');
		expect(svg.querySelectorAll('image').length).toBe(cells === 'image' ? 2 : 1);
		const bitmap = await createImageBitmap(
			await (await fetch(picture!.getAttributeNS('http://www.w3.org/1999/xlink', 'href')!)).blob()
		);
		const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
		pen.drawImage(bitmap, 0, 0);
		const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
		const coloured = data.some((value, i) => i % 4 === 0 && (value !== data[i + 1] || value !== data[i + 2]));
		expect(coloured).toBe(!grey);
	});
});

import { encode } from 'fast-png';
import { commands } from 'vitest/browser';
import { projectorStyles as projectors } from '../../../src/lib/model/projectors/registry.ts';
import type { CapsuleOrigin } from '../../../src/lib/viz/export/capsule.ts';
import type { Exportable } from '../../../src/lib/viz/export/files.ts';
import { defaultPrint } from '../../../src/lib/viz/export/print.ts';
import { dataUrl } from '../../../src/lib/bytes/data-url.ts';
import { figures } from '../../../src/lib/viz/registry.ts';
import { examples } from '../../figures/examples.ts';

const origin: CapsuleOrigin = { address: 'locality?tokens=36', projector: 'c-abs', tokens: 36 };
export const context = { print: { ...defaultPrint, dpi: 150 }, application: '0.1.0', origin };

/** Four colours, so that the picture under a map is seen; as large as it is drawn, so that nobody has to guess what lies between. */
export const picture = (() => {
	const [width, height] = [360, 360];
	const colours = [
		[255, 0, 0],
		[0, 160, 0],
		[0, 0, 255],
		[255, 220, 0]
	];
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++)
			data.set(colours[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)]!, (y * width + x) * 3);
	return dataUrl(encode({ width, height, data, channels: 3, depth: 8 }));
})();

/** Every figure with its example. */
export const items = figures.map((figure): Exportable => ({
	figure: figure,
	rows: withPicture((examples as Record<string, unknown>)[figure.id]),
	options: { projectors },
	selection: {},
	provenance: 'mini · C-Abstractor, M = 36',
	method: 'm',
	ordinal: 0
}));

function withPicture(rows: unknown): unknown {
	if (rows === null || typeof rows !== 'object' || Array.isArray(rows)) return rows;
	const own = { href: picture, name: 'scene.png' };
	return {
		...rows,
		...('image' in rows && { image: own }),
		...('pictures' in rows && Array.isArray(rows.pictures) && { pictures: rows.pictures.map(() => own) })
	};
}

/** Left in `test-results/export/`, to be looked at in other programs. */
export async function keep(name: string, bytes: Uint8Array) {
	let text = '';
	for (let at = 0; at < bytes.length; at += 8192)
		text += String.fromCharCode(...bytes.subarray(at, at + 8192));
	await commands.writeFile(`test-results/export/${name}`, btoa(text), 'base64');
}

import { encode } from 'fast-png';
import { commands } from 'vitest/browser';
import { describe, expect, it } from 'vitest';
import { compareTables, unpack, type CapsuleOrigin } from '../../../src/lib/viz/export/capsule.ts';
import { readCapsule } from '../../../src/lib/viz/export/embed.ts';
import { exportFile, type Exportable } from '../../../src/lib/viz/export/files.ts';
import { defaultPrint } from '../../../src/lib/viz/export/print.ts';
import type { Figure } from '../../../src/lib/viz/figure.ts';
import { dataUrl } from '../../../src/lib/viz/png.ts';
import { figures } from '../../../src/lib/viz/registry.ts';
import { examples } from '../../figures/examples.ts';

const origin: CapsuleOrigin = { address: 'locality?tokens=36', projector: 'c-abs', tokens: 36 };
const context = { print: { ...defaultPrint, letter: 'a' }, application: '0.1.0', origin };

/** Four colours, so that the picture under a map is seen. */
const picture = dataUrl(
	encode({
		width: 2,
		height: 2,
		data: Uint8Array.of(255, 0, 0, 0, 160, 0, 0, 0, 255, 255, 220, 0),
		channels: 3,
		depth: 8
	})
);

const items = figures.map((figure): Exportable => ({
	figure: figure as unknown as Figure<unknown, object>,
	rows: withPicture((examples as Record<string, unknown>)[figure.id]),
	options: {},
	selection: {},
	provenance: 'mini · C-Abstractor, M = 36',
	method: 'm',
	ordinal: 0
}));

function withPicture(rows: unknown): unknown {
	return rows !== null && typeof rows === 'object' && 'image' in rows
		? { ...rows, image: { href: picture, name: 'scene.png' } }
		: rows;
}

/** Left in `test-results/export/`, to be looked at in other programs. */
async function keep(name: string, bytes: Uint8Array) {
	let text = '';
	for (let at = 0; at < bytes.length; at += 8192)
		text += String.fromCharCode(...bytes.subarray(at, at + 8192));
	await commands.writeFile(`test-results/export/${name}`, btoa(text), 'base64');
}

describe.each(items)('$figure.id', (item) => {
	it('leaves as SVG, PDF and PNG that carry it', async () => {
		for (const format of ['svg', 'pdf', 'png'] as const) {
			const bytes = await exportFile(item, format, context);
			const read = readCapsule(bytes);
			expect(read?.figure.id).toBe(item.figure.id);
			expect(compareTables(unpack(read!.table)!, item.figure.table(item.rows))).toMatchObject({ same: true });
			await keep(`${item.figure.id}.${format}`, bytes);
			if (format === 'png') {
				const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
				expect(Math.abs(bitmap.width - 3.25 * 300)).toBeLessThanOrEqual(1);
				expect(inked(bitmap)).toBeGreaterThan(0.002);
			}
			if (format === 'pdf') {
				const text = new TextDecoder('latin1').decode(bytes);
				expect(text).toMatch(/^%PDF-/);
				expect(text).toContain('/FontFile2');
				const box = /\/MediaBox \[0 0 ([\d.]+)/.exec(text);
				expect(Number(box![1])).toBeCloseTo(3.25 * 72, 0);
			}
		}
	});
});

/** Share of the pixels that are not white. */
function inked(bitmap: ImageBitmap): number {
	const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
	const pen = canvas.getContext('2d')!;
	pen.drawImage(bitmap, 0, 0);
	const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
	let dark = 0;
	for (let i = 0; i < data.length; i += 4) if (data[i]! + data[i + 1]! + data[i + 2]! < 750) dark++;
	return dark / (canvas.width * canvas.height);
}

import sansBold from './fonts/LiberationSans-Bold.ttf?url';
import sansRegular from './fonts/LiberationSans-Regular.ttf?url';
import serifBold from './fonts/LiberationSerif-Bold.ttf?url';
import serifRegular from './fonts/LiberationSerif-Regular.ttf?url';
import type { FontFiles, PdfMeans } from './pdf.ts';
import type { Typeface } from './print.ts';

const addresses: Readonly<Record<Typeface, Readonly<Record<keyof FontFiles, string>>>> = {
	sans: { normal: sansRegular, bold: sansBold },
	serif: { normal: serifRegular, bold: serifBold }
};

/** PDF in a browser: fonts are fetched, and its engine measures text. */
export const pageMeans: PdfMeans = {
	get document() {
		return document;
	},
	async fonts(typeface) {
		const { normal, bold } = addresses[typeface];
		return { normal: await bytesAt(normal), bold: await bytesAt(bold) };
	},
	async within({ family, fonts }, work) {
		for (const weight of ['normal', 'bold'] as const) {
			if ([...document.fonts].some((face) => face.family === family && face.weight === weight)) continue;
			document.fonts.add(await new FontFace(family, fonts[weight], { weight }).load());
		}
		return work();
	}
};

async function bytesAt(address: string): Promise<Uint8Array<ArrayBuffer>> {
	const response = await fetch(address);
	if (!response.ok) throw new Error('The fonts for the PDF could not be fetched; reload the page.');
	return new Uint8Array(await response.arrayBuffer());
}

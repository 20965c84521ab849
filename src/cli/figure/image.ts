import { basename } from 'node:path';
import { encode } from 'fast-png';
import { dataUrl } from '../../lib/bytes/data-url.ts';
import { sha256 } from '../../lib/bytes/hash.ts';
import { shownPixels } from '../../lib/model/image/shown.ts';
import type { SubjectImage } from '../../lib/study/subject.ts';
import { decodeImage } from '../io/decode-image.ts';
import { openFile } from '../io/disk.ts';

/** The file, and the picture as the model decodes it: other programs turn it, or cannot read it. */
export async function readImage(path: string): Promise<SubjectImage> {
	const file = await openFile(path);
	try {
		const bytes = await file.read(0, file.size);
		const name = basename(path);
		const { width, height, data } = shownPixels(await decodeImage(bytes, name));
		return { id: await sha256(bytes), bytes, name, url: dataUrl(encode({ width, height, data })) };
	} finally {
		await file.close();
	}
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertCommand } from '../../src/cli/convert.ts';
import { openFolder } from '../../src/cli/io/disk.ts';
import { decodeImage } from '../../src/cli/io/decode-image.ts';
import { createNodeBackend } from '../../src/cli/node-backend.ts';
import { dataUrl } from '../../src/lib/bytes/data-url.ts';
import { sha256 } from '../../src/lib/bytes/hash.ts';
import { HoneybeeModel } from '../../src/lib/model/runtime/model.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import type { SubjectImage } from '../../src/lib/study/subject.ts';

const fixtures = new URL('../fixtures/golden/', import.meta.url).pathname;

/** A terminal that nobody looks at. */
export const silent = {
	write: () => undefined,
	progress: () => undefined,
	note: () => undefined,
	warn: () => undefined,
	signal: new AbortController().signal
};

/** A golden checkpoint, converted and opened in Node. */
export async function openGolden(name: string) {
	const folder = await mkdtemp(join(tmpdir(), 'honeybee-golden-'));
	await convertCommand.run([join(fixtures, name), folder], silent);
	const source = await openFolder(folder);
	const model = await HoneybeeModel.load({
		backend: createNodeBackend(folder),
		folder: await openModelFolder(source),
		decodeImage
	});
	return {
		folder,
		model,
		async close() {
			await model.dispose();
			await source.close();
			await rm(folder, { recursive: true });
		}
	};
}

/** An image of the golden cases, as studies take it. */
export async function goldenImage(name: string): Promise<SubjectImage> {
	const bytes = new Uint8Array(await readFile(join(fixtures, 'images', name)));
	return { id: await sha256(bytes), bytes, name, url: dataUrl(bytes) };
}

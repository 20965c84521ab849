/**
 * Writes a randomly initialised checkpoint of an official shape.
 *
 *   node tests/fullsize/make.ts OUT_DIR c-abs|d-abs [DIVIDE]
 */
import { copyFile, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { officialCheckpoint } from './checkpoint.ts';
import { projectorTypes } from './shapes.ts';

const [out, type, divide = '1'] = process.argv.slice(2);
const projector = projectorTypes.find((name) => name === type);
if (out === undefined || projector === undefined)
	throw new Error('node tests/fullsize/make.ts OUT_DIR c-abs|d-abs [DIVIDE]');
await mkdir(out, { recursive: true });
for (const { path, chunks } of officialCheckpoint(projector, Number(divide))) {
	const file = await open(join(out, path), 'w');
	for (const chunk of chunks) await file.write(chunk);
	await file.close();
}
// Any tokenizer that is smaller than the vocabulary does: the comparison gives ids.
await copyFile(
	new URL('../fixtures/golden/c-abs/last/tokenizer.json', import.meta.url),
	join(out, 'tokenizer.json')
);

/**
 * A converted model against what PyTorch computed of the same checkpoint.
 *
 *   node tests/fullsize/check.ts MODEL_DIR REFERENCE.json
 */
import { readFile } from 'node:fs/promises';
import { openFolder } from '../../src/cli/io/disk.ts';
import { createNodeBackend, hashOnDisk } from '../../src/cli/node-backend.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { compareWithReference, type Reference } from './compare.ts';

const [root, reference] = process.argv.slice(2);
if (root === undefined || reference === undefined)
	throw new Error('node tests/fullsize/check.ts MODEL_DIR REFERENCE.json');
const source = await openFolder(root);
const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
const errors = await compareWithReference(
	folder,
	createNodeBackend(root),
	JSON.parse(await readFile(reference, 'utf8')) as Reference
);
await source.close();
console.log(`${folder.manifest.name}, ${folder.manifest.dtype}:`, errors);

/**
 * A converted model against what PyTorch computed of the same checkpoint; fails above the type's tolerance.
 *
 *   node tests/fullsize/check.ts MODEL_DIR REFERENCE.json [--all]
 *
 * One session is open at a time; with --all, all of them are, as `honeybee ask` has them.
 */
import { readFile } from 'node:fs/promises';
import { peakMemory } from '../../src/cli/bench/peak-memory.ts';
import { openFolder } from '../../src/cli/io/disk.ts';
import { hashOnDisk } from '../../src/cli/hash-on-disk.ts';
import { createNodeBackend } from '../../src/cli/node-backend.ts';
import { openModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { compareWithReference, tolerances, type Reference } from './compare.ts';
import { oneSessionAtATime } from './one-session.ts';

const [root, file, all] = process.argv.slice(2);
if (root === undefined || file === undefined || (all !== undefined && all !== '--all'))
	throw new Error('node tests/fullsize/check.ts MODEL_DIR REFERENCE.json [--all]');
const source = await openFolder(root);
const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
const reference = JSON.parse(await readFile(file, 'utf8')) as Reference;
const backend = createNodeBackend(root);
const began = performance.now();
const differences = await compareWithReference(folder, all ? backend : oneSessionAtATime(backend), reference);
await source.close();
const { name, dtype } = folder.manifest;
const allowed = tolerances[dtype];
const { visual_embeds, logits } = differences;
const passed = visual_embeds.relative < allowed && logits.relative < allowed;
console.log(`${name}, ${dtype}, ${folder.manifest.graphs.language.length} language graphs`);
console.log(differences, 'PyTorch in other arithmetics:', reference.drift);
console.log(
	`${passed ? 'within' : 'ABOVE'} ${allowed}; ${((performance.now() - began) / 1000).toFixed(0)} s, peak memory ${((peakMemory() ?? 0) / 2 ** 20).toFixed(0)} MiB`
);
process.exitCode = passed ? 0 : 1;

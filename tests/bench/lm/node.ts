/** Ours in Node, in a process of its own: `node node.ts DEVICE MODEL_DIR TASK_FILE OUT_FILE`. */
import { readFile, writeFile } from 'node:fs/promises';
import { peakMemory } from '../../../src/cli/bench/peak-memory.ts';
import { deviceOf, openDevice } from '../../../src/cli/device.ts';
import { hashOnDisk } from '../../../src/cli/hash-on-disk.ts';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { LanguageModel } from '../../../src/lib/model/runtime/language.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { measureOurs } from './ours.ts';
import type { LmTask } from './results.ts';

const [device, root = '', taskFile = '', outFile = ''] = process.argv.slice(2);
const task = JSON.parse(await readFile(taskFile, 'utf8')) as LmTask;
const begin = performance.now();
const source = await openFolder(root);
const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
const backend = await openDevice(deviceOf(device), root, folder.manifest, {
	warn(why) {
		throw new Error(why);
	}
});
const model = await LanguageModel.load(backend, folder);
const run = await measureOurs(model, task, performance.now() - begin);
await writeFile(outFile, JSON.stringify({ ...run, peak_memory: peakMemory() }));
await model.dispose();
await backend.dispose();
await source.close();

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Example } from '../../lib/benchmarks/benchmark.ts';
import { squashTo } from '../../lib/benchmarks/run/prepare.ts';
import { transparencyOf } from '../../lib/model/image/transparency.ts';
import { scenes } from '../../lib/benchmarks/scenes.ts';
import { HoneybeeModel } from '../../lib/model/runtime/model.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import { openDataFolder } from '../eval/data-folder.ts';
import { diskStorage } from '../eval/disk-storage.ts';
import { packageRoot } from '../eval/prepare.ts';
import { hashOnDisk } from '../hash-on-disk.ts';
import { decodeImage } from '../io/decode-image.ts';
import { openFolder } from '../io/disk.ts';
import { ImageThread } from '../io/image-thread.ts';
import { createNodeBackend } from '../node-backend.ts';
import { measureLoops, type LoopsResult } from './loops.ts';

const PASS = 30;
const PAIRS = 13;
/** More photographs than the model keeps features of. */
const PHOTOGRAPHS = 40;

/** The evaluation's loop on Node: the built-in scenes as they are run, and a photograph for every question. Runs in a process of its own. */
export async function measureEvalLoop(root: string): Promise<LoopsResult[]> {
	const source = await openFolder(root);
	const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
	const model = await HoneybeeModel.load({ backend: createNodeBackend(root), folder, decodeImage });
	const images = new ImageThread(squashTo(model.manifest), transparencyOf(model.manifest.image));
	const results = await mkdtemp(join(tmpdir(), 'honeybee-eval-'));
	const [projector, entry] = Object.entries(model.manifest.projectors)[0]!;
	const examples = await firstScenes((PAIRS + 1) * PASS);
	try {
		const measured: LoopsResult[] = [];
		for (const [what, asked] of [
			['built-in scenes, several questions each', examples],
			['photographs of 640 × 480, one question each', await withPhotographs(examples)]
		] as const)
			measured.push(
				await measureLoops({
					what,
					benchmark: scenes,
					examples: asked,
					target: { projector, tokens: entry.num_query_tokens },
					model,
					prepare: images.prepare,
					storage: (pass) => diskStorage(join(results, `${measured.length}-${pass}`)),
					pass: PASS,
					// Node has it from 23.9 on.
					...('threadCpuUsage' in process && { cpu: threadCpu })
				})
			);
		return measured;
	} finally {
		await images.close();
		await model.dispose();
		await source.close();
		await rm(results, { recursive: true, force: true });
	}
}

/** Processor time of this thread, milliseconds. */
function threadCpu(): number {
	const { user, system } = process.threadCpuUsage();
	return (user + system) / 1000;
}

async function firstScenes(count: number): Promise<Example[]> {
	const folder = await openDataFolder(fileURLToPath(new URL('static/scenes', packageRoot)));
	const examples: Example[] = [];
	for await (const example of scenes.examples(folder)) {
		examples.push(example);
		if (examples.length === count) break;
	}
	return examples;
}

/** The same questions, each about another JPEG: the work is that of decoding, what is seen does not matter. */
async function withPhotographs(examples: readonly Example[]): Promise<Example[]> {
	const photographs = await Promise.all(
		Array.from({ length: PHOTOGRAPHS }, async () => {
			const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
			const create = { width: 80, height: 60, channels: 3, background: 'grey', noise } as const;
			return new Uint8Array(await sharp({ create }).resize(640, 480).jpeg({ quality: 90 }).toBuffer());
		})
	);
	return examples.map((example, i) => ({
		...example,
		images: [{ name: `photograph ${i}`, read: async () => photographs[i % PHOTOGRAPHS]! }]
	}));
}

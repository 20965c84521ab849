import { sha256 } from '../../lib/bytes/hash.ts';
import { encode } from 'fast-png';
import { HoneybeeModel } from '../../lib/model/runtime/model.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import { hashOnDisk } from '../hash-on-disk.ts';
import type { ImageInput, NodeBackendName } from '../../lib/model/runtime/types.ts';
import { openDevice } from '../device.ts';
import { decodeImage } from '../io/decode-image.ts';
import { openFolder } from '../io/disk.ts';
import { peakMemory } from './peak-memory.ts';
import { measureAnswers, type AnswersResult } from './answers.ts';

/** A picture that needs no file: two colours running into each other, a dark square in the middle. @param side pixels @param blue 0 to 255 */
export async function benchImage(side = 320, blue = 128): Promise<ImageInput> {
	const data = new Uint8Array(side * side * 3);
	for (let y = 0; y < side; y++)
		for (let x = 0; x < side; x++) {
			const inside = Math.max(Math.abs(x - side / 2), Math.abs(y - side / 2)) < side / 5;
			data.set(inside ? [40, 40, 60] : [(255 * x) / side, (255 * y) / side, blue], (y * side + x) * 3);
		}
	const bytes = encode({ width: side, height: side, data, channels: 3 });
	return { id: await sha256(bytes), bytes, name: 'bench.png' };
}

/** The whole model on Node, in one of its ways of computing. Runs in a process of its own. */
export async function measureWholeModel(root: string, device: NodeBackendName): Promise<AnswersResult> {
	const image = await benchImage();
	const source = await openFolder(root);
	const begin = performance.now();
	const folder = await openModelFolder(source, { hashInPlace: hashOnDisk(root) });
	const backend = await openDevice(device, root, folder.manifest);
	const model = await HoneybeeModel.load({ backend, folder, decodeImage });
	const load_ms = performance.now() - begin;
	const answers = await measureAnswers(model, model.manifest, image);
	await model.dispose();
	await source.close();
	const peak_memory = peakMemory();
	return {
		backend: backend.info.backend,
		description: backend.info.description,
		load_ms,
		answers,
		...(peak_memory !== undefined && { peak_memory })
	};
}

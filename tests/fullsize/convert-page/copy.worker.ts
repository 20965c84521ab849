import { blobSource } from '../../../src/lib/checkpoint/memory.ts';
import { opfsDirectory, opfsSink } from '../../../src/lib/browser/opfs.ts';

const BLOCK = 8 * 2 ** 20;

/** Reads all of the files, and writes as many bytes in all as it is told while it reads on; tells the milliseconds. */
async function copy({ files, bytes }: { files: readonly File[]; bytes: number }): Promise<number> {
	const ratio = bytes / files.reduce((sum, { size }) => sum + size, 0);
	const began = performance.now();
	const out = await opfsSink('copy', (await opfsDirectory(['copy'], true))!).create('copy');
	const blocks = files.flatMap((file) =>
		Array.from({ length: Math.ceil(file.size / BLOCK) }, (_, i) => ({ file, at: i * BLOCK }))
	);
	const read = (index: number) => {
		const block = blocks[index];
		return block && blobSource('', block.file).read(block.at, Math.min(block.at + BLOCK, block.file.size));
	};
	let next = read(0);
	for (let i = 1; next; i++) {
		const block = await next;
		next = read(i);
		// A model may be larger than its checkpoint.
		for (let left = Math.round(block.length * ratio); left > 0; left -= block.length)
			await out.write(block.subarray(0, Math.min(left, block.length)));
	}
	await out.close();
	return performance.now() - began;
}

addEventListener('message', ({ data }: MessageEvent<Parameters<typeof copy>[0]>) => {
	copy(data).then(postMessage, reportError);
});

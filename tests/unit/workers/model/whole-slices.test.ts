import { expect, it, vi } from 'vitest';
import { WholeSlices } from '../../../../src/workers/model/whole-slices.ts';

const bytes = new Uint8Array(3 * 2 ** 20).map((_, i) => i % 251);

it('slices come in one piece, and are what lies there', async () => {
	const blob = new WholeSlices([new Blob([bytes.subarray(0, 1000)]), bytes.subarray(1000)]);
	expect(blob.size).toBe(bytes.length);
	const pieces: Uint8Array[] = [];
	for await (const piece of blob.slice(700, 2 ** 21).stream() as unknown as AsyncIterable<Uint8Array>)
		pieces.push(piece);
	expect(pieces).toEqual([bytes.subarray(700, 2 ** 21)]);
});

it('what cannot be read is an error of the stream', async () => {
	const part = new WholeSlices([bytes]).slice(0, 10);
	vi.spyOn(part, 'arrayBuffer').mockRejectedValue(new Error('The file has changed.'));
	await expect(part.stream().getReader().read()).rejects.toThrow('The file has changed.');
});

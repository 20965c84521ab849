import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/cli/io/decode-image.ts';
import { ImageThread } from '../../../src/cli/io/image-thread.ts';
import { imagePreparer } from '../../../src/lib/model/image/prepare.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

const SIZE = 12;
const png = (side: number, shade: number) =>
	encode({
		width: side,
		height: side,
		data: Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * shade) % 256),
		channels: 3
	});

describe('the thread that decodes images', () => {
	let images: ImageThread;
	beforeAll(() => {
		images = new ImageThread(SIZE, 'drop');
	});
	afterAll(() => images.close());

	it('gives the pixels of decoding here, each call its own, and leaves the file’s bytes', async () => {
		const here = imagePreparer(decodeImage, SIZE, 'drop');
		const files = [png(40, 3), png(SIZE, 5), png(7, 11)];
		const sizes = files.map(({ length }) => length);
		const there = await Promise.all(files.map((bytes, i) => images.prepare(bytes, `${i}.png`)));
		expect(there).toEqual(await Promise.all(files.map((bytes, i) => here(bytes, `${i}.png`))));
		expect(files.map(({ length }) => length)).toEqual(sizes);
	});

	it('takes pixels as they are, or squashes them there', async () => {
		const here = imagePreparer(decodeImage, SIZE, 'drop');
		for (const side of [SIZE, 40]) {
			const image = await decodeImage(png(side, 3), 'a.png');
			const made = await images.prepare(image, 'a.png');
			expect(made).toEqual(await here(png(side, 3), 'a.png'));
			expect(made === image).toBe(side === SIZE);
			// What is given stays whole.
			expect(image.data).toHaveLength(3 * side * side);
		}
	});

	it('goes on while this thread computes', async () => {
		const file = png(64, 3);
		await images.prepare(file, 'warm.png');
		const prepared = images.prepare(file, 'a.png');
		// As onnxruntime-node does: nothing of this thread's runs until it is done.
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
		const begin = performance.now();
		await prepared;
		expect(performance.now() - begin).toBeLessThan(250);
	});

	it('says of an unusable image what decoding here says', async () => {
		const error = await images.prepare(png(40, 3).slice(0, 60), 'cut.png').catch((reason: unknown) => reason);
		expect(error).toBeInstanceOf(InputError);
		expect((error as Error).message).toContain('cut.png');
		expect(await images.prepare(png(SIZE, 5), 'whole.png')).toMatchObject({ width: SIZE });
	});

	it('refuses work when it is closed, also what waits', async () => {
		const closing = new ImageThread(SIZE, 'drop');
		const waiting = closing.prepare(png(400, 3), 'a.png').catch((reason: unknown) => reason);
		await closing.close();
		expect(await waiting).toBeInstanceOf(Error);
		await expect(closing.prepare(png(4, 3), 'b.png')).rejects.toThrow('has ended');
	});
});

/** Runs in a thread of its own, started by `image-thread.ts`. */
import { parentPort } from 'node:worker_threads';
import { imagePreparer } from '../../lib/model/image/prepare.ts';
import { decodeImage } from './decode-image.ts';
import type { ImageAnswer, ImageTask } from './image-thread.ts';
import { failureOf } from '../../lib/tensor/thread-failure.ts';

parentPort?.on('message', ({ call, image: given, name, size, transparency }: ImageTask) => {
	imagePreparer(
		decodeImage,
		size,
		transparency
	)(given, name).then(
		(image) => answer({ call, image }, [image.data.buffer as ArrayBuffer]),
		(error: unknown) => answer({ call, ...failureOf(error) })
	);
});

function answer(message: ImageAnswer, transfer: ArrayBuffer[] = []): void {
	parentPort!.postMessage(message, transfer);
}

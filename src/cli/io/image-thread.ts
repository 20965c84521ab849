import { Worker } from 'node:worker_threads';
import { isReady, type ImagePreparer } from '../../lib/model/image/prepare.ts';
import type { Transparency } from '../../lib/model/image/transparency.ts';
import type { RgbImage } from '../../lib/model/image/rgb.ts';
import { errorOf, type ThreadFailure } from '../../lib/tensor/thread-failure.ts';

/** An image to be made ready. */
export interface ImageTask {
	readonly call: number;
	readonly image: Uint8Array | RgbImage;
	readonly name: string;
	/** Side that the image is squashed to; absent: it stays as it is. */
	readonly size: number | undefined;
	readonly transparency: Transparency;
}

/** The pixels, or why there are none. */
export type ImageAnswer =
	{ readonly call: number; readonly image: RgbImage } | ({ readonly call: number } & ThreadFailure);

/**
 * Makes images ready in a thread of its own. onnxruntime-node computes on the thread that calls it, so whatever else is to go on
 * meanwhile needs another one. The pixels are those of `imagePreparer`.
 */
export class ImageThread {
	readonly #worker: Worker;
	readonly #size: number | undefined;
	readonly #transparency: Transparency;
	readonly #waiting = new Map<
		number,
		{ readonly resolve: (image: RgbImage) => void; readonly reject: (error: Error) => void }
	>();
	#calls = 0;
	#gone: Error | undefined;

	/**
	 * @param size S, the side that images may be squashed to (`squashTo`)
	 * @param transparency what the model makes of transparent pictures
	 */
	constructor(size: number | undefined, transparency: Transparency) {
		this.#size = size;
		this.#transparency = transparency;
		const source = import.meta.url.endsWith('.ts');
		this.#worker = new Worker(new URL(source ? './image-worker.ts' : './image-worker.js', import.meta.url));
		this.#worker.on('message', (answer: ImageAnswer) => this.#settle(answer));
		this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
		this.#worker.on('exit', () => this.#end(new Error('The thread that decodes images has ended.')));
		// What waits for an image keeps the process, not the thread.
		this.#worker.unref();
	}

	/** @throws InputError when it is no usable image */
	readonly prepare: ImagePreparer = (image, name) => {
		if (this.#gone) return Promise.reject(this.#gone);
		if (isReady(image, this.#size)) return Promise.resolve(image);
		const call = this.#calls++;
		return new Promise((resolve, reject) => {
			this.#waiting.set(call, { resolve, reject });
			this.#worker.ref();
			const how = { size: this.#size, transparency: this.#transparency };
			this.#worker.postMessage({ call, image, name, ...how } satisfies ImageTask);
		});
	};

	async close(): Promise<void> {
		await this.#worker.terminate();
	}

	#settle(answer: ImageAnswer): void {
		const waiting = this.#waiting.get(answer.call);
		this.#waiting.delete(answer.call);
		if (this.#waiting.size === 0) this.#worker.unref();
		if ('image' in answer) waiting?.resolve(answer.image);
		else waiting?.reject(errorOf(answer));
	}

	#end(error: Error): void {
		this.#gone ??= error;
		for (const { reject } of this.#waiting.values()) reject(this.#gone);
		this.#waiting.clear();
	}
}

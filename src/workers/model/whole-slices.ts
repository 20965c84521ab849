/**
 * A Blob whose slices come in one piece each. onnxruntime-web 1.30 reads them as streams of bytes, 1 MB at most at a time; so read, making a
 * session never came to an end in 3 of some 50 loads (docs/SPEED.md). A slice is a tensor here.
 */
export class WholeSlices extends Blob {
	override slice(...range: Parameters<Blob['slice']>): Blob {
		const part = super.slice(...range);
		const stream = () =>
			new ReadableStream({
				async start(to) {
					to.enqueue(new Uint8Array(await part.arrayBuffer()));
					to.close();
				}
			});
		return Object.assign(part, { stream });
	}
}

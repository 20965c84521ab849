import { decodeImage } from '../../../src/lib/browser/decode-image.ts';

/** Answers `{ name, bytes }` with the image or the error's name and message. */
self.onmessage = ({ data }: MessageEvent<{ name: string; bytes: Uint8Array }>) => {
	decodeImage(data.bytes, data.name).then(
		(image) => self.postMessage({ image }),
		(error: unknown) =>
			self.postMessage({ error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown' })
	);
};

import { transfer } from 'comlink';
import { encode } from 'fast-png';
import { imagePreparer } from '../../lib/model/image/prepare.ts';
import { editPicture, laidOn, type PictureEdit } from '../../lib/model/image/edit.ts';
import type { Transparency } from '../../lib/model/image/transparency.ts';
import type { RgbImage } from '../../lib/model/image/rgb.ts';
import { decodeImage } from '../../lib/browser/decode-image.ts';
import { MemoryFiles } from '../../lib/browser/memory-files.ts';
import { hasOpfs } from '../../lib/browser/opfs.ts';
import { OpfsFiles } from '../../lib/browser/opfs-files.ts';
import { pictureOf, type Picture } from './picture.ts';

/** Folder of the origin's private file system in which benchmark runs lie. */
const OPFS_RUNS = 'runs';

/** Work beside the model's and the page's, in a thread of its own: files of benchmark runs, images to show and images made ready. */
export class SideWorker {
	/** Without storage, runs last as long as this worker. */
	readonly #files = hasOpfs().then((stored) => (stored ? new OpfsFiles(OPFS_RUNS) : new MemoryFiles()));

	/** Decodes what is encoded, and squashes to `size` × `size` if one is given. @throws InputError when it is no usable image */
	async prepare(
		given: Uint8Array | RgbImage,
		name: string,
		size: number | undefined,
		transparency: Transparency
	): Promise<RgbImage> {
		const image = await imagePreparer(decodeImage, size, transparency)(given, name);
		return transfer(image, [image.data.buffer]);
	}

	/** What to show of an image file. @throws InputError when it is no usable image */
	picture(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Picture> {
		return pictureOf(bytes, name);
	}

	/** The edited picture as a PNG file; the same edits of the same file give the same bytes. @throws InputError when it is no usable image */
	async edited(
		bytes: Uint8Array<ArrayBuffer>,
		name: string,
		edits: readonly PictureEdit[]
	): Promise<Uint8Array<ArrayBuffer>> {
		const { width, height, data } = editPicture(await decodeImage(bytes, name, laidOn(edits)), edits);
		const file = new Uint8Array(encode({ width, height, data, channels: 3, depth: 8 }));
		return transfer(file, [file.buffer]);
	}

	async read(path: string): Promise<Uint8Array | undefined> {
		const bytes = await (await this.#files).read(path);
		return bytes && transfer(bytes, [bytes.buffer]);
	}

	async write(path: string, content: string | Uint8Array): Promise<void> {
		return (await this.#files).write(path, content);
	}

	async append(path: string, text: string): Promise<void> {
		return (await this.#files).append(path, text);
	}

	async truncate(path: string, size: number): Promise<void> {
		return (await this.#files).truncate(path, size);
	}

	/** Paths of all files of all runs. */
	async list(): Promise<string[]> {
		return (await this.#files).list();
	}

	async remove(path: string): Promise<void> {
		return (await this.#files).remove(path);
	}

	/** Lets go of the files of a run. */
	async close(path: string): Promise<void> {
		return (await this.#files).close(path);
	}
}

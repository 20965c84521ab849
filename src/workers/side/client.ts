import { wrap, type Remote } from 'comlink';
import type { RgbImage } from '../../lib/model/image/rgb.ts';
import type { Picture } from './picture.ts';
import { revive } from '../revive.ts';
import type { SideWorker } from './worker.ts';

/** A folder of run files; `close` lets go of them. */
export interface SideFolder {
	readonly name: string;
	read(path: string): Promise<Uint8Array | undefined>;
	write(path: string, content: string | Uint8Array): Promise<void>;
	append(path: string, text: string): Promise<void>;
	truncate(path: string, size: number): Promise<void>;
	close(): Promise<void>;
}

/** The page's side of the side worker, which is started at the first call. */
export class SideClient {
	#worker: Worker | undefined;
	#api: Remote<SideWorker> | undefined;

	/** @throws InputError when it is no usable image */
	prepare(bytes: Uint8Array, name: string, size: number): Promise<RgbImage> {
		return this.#call((api) => api.prepare(bytes, name, size));
	}

	/** What to show of an image file. @throws InputError when it is no usable image */
	picture(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Picture> {
		return this.#call((api) => api.picture(bytes, name));
	}

	/** A folder in this browser's storage. @param path below that of all runs */
	folder(path: string): SideFolder {
		const at = (file: string) => `${path}/${file}`;
		return {
			name: path,
			read: (file) => this.#call((api) => api.read(at(file))),
			write: (file, content) => this.#call((api) => api.write(at(file), content)),
			append: (file, text) => this.#call((api) => api.append(at(file), text)),
			truncate: (file, size) => this.#call((api) => api.truncate(at(file), size)),
			close: () => this.#call((api) => api.close(path))
		};
	}

	/** Paths of all files of all runs. */
	list(): Promise<string[]> {
		return this.#call((api) => api.list());
	}

	remove(path: string): Promise<void> {
		return this.#call((api) => api.remove(path));
	}

	dispose(): void {
		this.#worker?.terminate();
		this.#worker = this.#api = undefined;
	}

	async #call<T>(work: (api: Remote<SideWorker>) => Promise<T>): Promise<T> {
		if (!this.#api) {
			this.#worker = new Worker(new URL('./entry.worker.ts', import.meta.url), {
				type: 'module',
				name: 'honeybee-side'
			});
			this.#api = wrap<SideWorker>(this.#worker);
		}
		try {
			return await work(this.#api);
		} catch (error) {
			throw revive(error);
		}
	}
}

import { wrap } from 'comlink';
import { revive } from '../revive.ts';
import type { SideWorker } from './worker.ts';

type SideMethod = keyof SideWorker;
type SideMethods = {
	[N in SideMethod]: (...args: Parameters<SideWorker[N]>) => Promise<Awaited<ReturnType<SideWorker[N]>>>;
};

/** A folder of run files; `close` lets go of them. */
export interface SideFolder extends Pick<SideWorker, 'read' | 'write' | 'append' | 'truncate'> {
	readonly name: string;
	close(): Promise<void>;
}

/**
 * The page's side of the side worker, which is started at the first call. What each method does, and what it throws, stands at that of
 * `SideWorker`.
 */
export class SideClient {
	#worker: Worker | undefined;
	#methods: SideMethods | undefined;

	readonly prepare = this.#method('prepare');
	readonly picture = this.#method('picture');
	readonly edited = this.#method('edited');
	readonly list = this.#method('list');
	readonly remove = this.#method('remove');

	/** A folder in this browser's storage. @param path below that of all runs */
	folder(path: string): SideFolder {
		const at = (file: string) => `${path}/${file}`;
		return {
			name: path,
			read: (file) => this.#call('read', at(file)),
			write: (file, content) => this.#call('write', at(file), content),
			append: (file, text) => this.#call('append', at(file), text),
			truncate: (file, size) => this.#call('truncate', at(file), size),
			close: () => this.#call('close', path)
		};
	}

	dispose(): void {
		this.#worker?.terminate();
		this.#worker = this.#methods = undefined;
	}

	#method<N extends SideMethod>(name: N) {
		return (...args: Parameters<SideWorker[N]>) => this.#call(name, ...args);
	}

	async #call<N extends SideMethod>(
		name: N,
		...args: Parameters<SideWorker[N]>
	): Promise<Awaited<ReturnType<SideWorker[N]>>> {
		if (!this.#methods) {
			this.#worker = new Worker(new URL('./entry.worker.ts', import.meta.url), {
				type: 'module',
				name: 'honeybee-side'
			});
			this.#methods = wrap<SideWorker>(this.#worker);
		}
		try {
			return await this.#methods[name](...args);
		} catch (error) {
			throw revive(error);
		}
	}
}

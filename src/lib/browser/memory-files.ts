import { join } from '../bytes/join.ts';
import type { OpfsFiles } from './opfs-files.ts';

/** What `OpfsFiles` does, in this thread's memory: for browsers that give the page no storage. */
export class MemoryFiles implements Pick<OpfsFiles, keyof OpfsFiles> {
	/** Each file in the parts that it was written in. */
	readonly #files = new Map<string, Uint8Array[]>();

	async read(path: string): Promise<Uint8Array | undefined> {
		const parts = this.#files.get(path);
		return parts && join(parts);
	}

	async write(path: string, content: string | Uint8Array): Promise<void> {
		const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
		this.#files.set(path, [bytes]);
	}

	async append(path: string, text: string): Promise<void> {
		const parts = this.#files.get(path) ?? [];
		parts.push(new TextEncoder().encode(text));
		this.#files.set(path, parts);
	}

	async truncate(path: string, size: number): Promise<void> {
		const whole = join(this.#files.get(path) ?? []);
		this.#files.set(path, [whole.slice(0, size)]);
	}

	async list(): Promise<string[]> {
		return [...this.#files.keys()];
	}

	async remove(path: string): Promise<void> {
		for (const name of this.#files.keys())
			if (name === path || name.startsWith(`${path}/`)) this.#files.delete(name);
	}

	async close(): Promise<void> {
		// Nothing is held open.
	}
}

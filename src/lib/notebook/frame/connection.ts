import type { Call, FromFrame, Supply, ToFrame } from '../protocol.ts';

export interface CallOptions {
	readonly signal?: AbortSignal;
	readonly onProgress?: (done: number, total: number) => void;
}

interface Waiting {
	readonly resolve: (value: unknown) => void;
	readonly reject: (error: Error) => void;
	readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a saved notebook says of what was never asked. An error of one cell reaches others by its message. */
export const MISSING = 'This was not asked before the notebook was saved; it stands as it was last.';

/** The frame's end of the channel to the page. */
export class Connection {
	readonly #port: MessagePort;
	readonly #waiting = new Map<number, Waiting>();
	#next = 1;

	constructor(port: MessagePort, onMessage: (message: ToFrame) => void) {
		this.#port = port;
		port.onmessage = ({ data }: MessageEvent<ToFrame>) => {
			if (data.type === 'result') this.#take(data.id)?.resolve(data.value);
			else if (data.type === 'error') this.#take(data.id)?.reject(new Error(data.message));
			else if (data.type === 'missing') this.#take(data.id)?.reject(new Error(MISSING));
			else if (data.type === 'progress') this.#waiting.get(data.id)?.onProgress?.(data.done, data.total);
			else onMessage(data);
		};
	}

	send(message: FromFrame): void {
		this.#port.postMessage(message);
	}

	/** Asks the page; rejects with AbortError when the signal says so. */
	call(
		name: Call | Supply,
		args: readonly unknown[],
		{ signal, onProgress }: CallOptions = {}
	): Promise<unknown> {
		const id = this.#next++;
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(signal.reason as Error);
			this.#waiting.set(id, { resolve, reject, onProgress });
			signal?.addEventListener('abort', () => {
				if (!this.#waiting.delete(id)) return;
				this.send({ type: 'abort', id });
				reject(signal.reason as Error);
			});
			try {
				this.send({ type: 'call', id, name, args });
			} catch {
				this.#waiting.delete(id);
				reject(new Error(`${name} takes plain values: text, numbers, lists and objects of them.`));
			}
		});
	}

	#take(id: number): Waiting | undefined {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		return waiting;
	}
}

import {
	calls,
	supplies,
	type Call,
	type Inputs,
	type Supply,
	type FromFrame,
	type NotebookSubject,
	type OpenMessage,
	type ToFrame
} from '$lib/notebook/protocol.ts';
import type { Control } from '$lib/study/control.ts';

export interface FrameHandlers {
	readonly answer: (name: Call, args: readonly unknown[], control: Control) => Promise<unknown>;
	readonly supply: (name: Supply, args: readonly unknown[]) => Promise<unknown>;
	readonly attach: (files: readonly File[]) => void;
	/** Of what is in the frame, pixels. */
	readonly height: (height: number) => void;
	/** What the reader is at is to be seen, pixels from the frame's top. */
	readonly reveal: (top: number, bottom: number) => void;
	readonly inputs: (inputs: Inputs) => void;
	readonly ready: () => void;
	readonly changed: (text: string, title: string) => void;
	readonly unwritten: (message: string) => void;
	readonly status: (status: { running: number; failed: number; ran: number; cells: number }) => void;
	/** A link of the notebook was followed; `href` is what the notebook says, and any text. */
	readonly link: (href: string) => void;
	/** The frame does not answer, or answers again. */
	readonly stuck: (stuck: boolean) => void;
}

/** A frame that gives no sign for so long is taken to be caught in a loop, milliseconds. */
const PATIENCE = 5000;
const BEAT = 1000;

/** The page's end of the channel to a notebook's frame. */
export class FrameLink {
	readonly #port: MessagePort;
	readonly #handlers: FrameHandlers;
	readonly #open = new Map<number, AbortController>();
	readonly #snapshots = new Map<number, (html: string) => void>();
	readonly #timer: ReturnType<typeof setInterval>;
	#heard = performance.now();
	#stuck = false;
	#next = 1;

	constructor(frame: Window, handlers: FrameHandlers) {
		this.#handlers = handlers;
		const { port1, port2 } = new MessageChannel();
		this.#port = port1;
		port1.onmessage = ({ data }: MessageEvent<FromFrame>) => this.#receive(data);
		// A sandboxed frame has no origin to name.
		frame.postMessage('honeybee-notebook', '*', [port2]);
		this.#timer = setInterval(() => this.#beat(), BEAT);
	}

	open(message: Omit<OpenMessage, 'type'>): void {
		this.send({ type: 'open', ...message });
	}

	send(message: ToFrame): void {
		this.#port.postMessage(message);
	}

	subject(subject: NotebookSubject | undefined): void {
		this.send({ type: 'subject', subject });
	}

	snapshot(): Promise<string> {
		const id = this.#next++;
		return new Promise((resolve) => {
			this.#snapshots.set(id, resolve);
			this.send({ type: 'snapshot', id });
		});
	}

	close(): void {
		clearInterval(this.#timer);
		for (const abort of this.#open.values()) abort.abort();
		this.#port.close();
	}

	#beat(): void {
		const stuck = performance.now() - this.#heard > PATIENCE;
		if (stuck !== this.#stuck) {
			this.#stuck = stuck;
			this.#handlers.stuck(stuck);
		}
		this.send({ type: 'ping', id: this.#next++ });
	}

	#receive(message: FromFrame): void {
		this.#heard = performance.now();
		if (message.type === 'ready') this.#handlers.ready();
		else if (message.type === 'changed') this.#handlers.changed(String(message.text), String(message.title));
		else if (message.type === 'unwritten') this.#handlers.unwritten(String(message.message));
		else if (message.type === 'status') this.#handlers.status(message);
		else if (message.type === 'attach')
			this.#handlers.attach(message.files.filter((file) => file instanceof File));
		else if (message.type === 'inputs') this.#handlers.inputs(message.inputs);
		else if (message.type === 'height') this.#handlers.height(Number(message.height));
		else if (message.type === 'reveal') this.#handlers.reveal(Number(message.top), Number(message.bottom));
		else if (message.type === 'link') this.#handlers.link(String(message.href));
		else if (message.type === 'abort')
			this.#open.get(message.id)?.abort(new DOMException('Stopped.', 'AbortError'));
		else if (message.type === 'call') void this.#call(message);
		else if (message.type === 'snapshot') {
			this.#snapshots.get(message.id)?.(message.html);
			this.#snapshots.delete(message.id);
		}
	}

	async #call({ id, name, args }: Extract<FromFrame, { type: 'call' }>): Promise<void> {
		const call = calls.find((one) => one === name);
		const supply = supplies.find((one) => one === name);
		if (!Array.isArray(args) || (call ?? supply) === undefined) return;
		const abort = new AbortController();
		this.#open.set(id, abort);
		try {
			const value = await (call
				? this.#handlers.answer(call, args, {
						signal: abort.signal,
						onProgress: ({ done, total }) => this.send({ type: 'progress', id, done, total })
					})
				: this.#handlers.supply(supply!, args));
			this.send({ type: 'result', id, value });
		} catch (error) {
			const message =
				error instanceof Error && error.message !== '' ? error.message : 'Something went wrong.';
			this.send({ type: 'error', id, message });
		} finally {
			this.#open.delete(id);
		}
	}
}

/** Which graphs the decoder's kernels run, and what the reader is told of it. */
import type { TensorConstructor, TensorFactory } from 'onnxruntime-common';
import { sentence } from '../../bytes/sentence.ts';
import type { Session, SessionRequest } from '../runtime/backend.ts';
import { Kernels, type KernelOptions } from './kernels.ts';
import { NotPlanned } from './plan.ts';
import { decoderSession } from './session.ts';

export class DecoderKernels {
	/** How the language model is computed, in words that follow a semicolon, given the backend that has what is left; absent before it is there. */
	words: ((runtime: string) => string) | undefined;
	/** Whether a language model, or a part of one, was left to the runtime. */
	leftToRuntime: boolean;
	readonly #kernels: Kernels | undefined;

	private constructor(kernels: Kernels | undefined, words?: string) {
		this.#kernels = kernels;
		if (words !== undefined) this.words = () => words;
		this.leftToRuntime = kernels === undefined;
	}

	/** With fewer threads, or none of its own, where a browser refuses them. */
	static async start(
		Tensor: TensorConstructor & TensorFactory,
		threads: number,
		startThread: KernelOptions['startThread']
	): Promise<DecoderKernels> {
		try {
			const kernels = await Kernels.start({ Tensor, threads, startThread }).catch((error: unknown) => {
				if (threads === 1) throw error;
				return Kernels.start({ Tensor, threads: 1, startThread });
			});
			return new DecoderKernels(kernels);
		} catch (error) {
			const why = sentence(error).replace(/\.$/, '');
			return new DecoderKernels(undefined, `its kernels for 4 bits did not start (${why})`);
		}
	}

	/**
	 * A language model's session; undefined where the graph, or this browser, is not for the kernels. Weights are read piece by piece.
	 * @param graph as it was read
	 * @throws as `folder.read`
	 */
	async session(request: SessionRequest, graph: Uint8Array): Promise<Session | undefined> {
		const kernels = this.#kernels;
		const { folder, files } = request;
		if (!kernels || !folder.manifest.graphs.language.some((part) => part.graph === files.graph))
			return undefined;
		try {
			const session = await decoderSession(kernels, request, graph);
			const { threads, relaxed } = kernels;
			const words = `language model in 4 bits by kernels of its own (${threads} thread${threads === 1 ? '' : 's'}, ${relaxed ? 'relaxed' : 'plain'} SIMD)`;
			this.words = () => words;
			return session;
		} catch (error) {
			if (!(error instanceof NotPlanned)) throw error;
			this.leftToRuntime = true;
			this.words = (runtime) => leftSince(runtime, error);
			return undefined;
		}
	}

	dispose(): void {
		this.#kernels?.dispose();
	}
}

/** Words for a language model that was left to a runtime. */
export function leftSince(runtime: string, { message }: NotPlanned): string {
	const how = runtime === 'wasm' || runtime === 'node' ? 'as stored' : 'in 8 bits';
	return `language model ${how}, since its graph has ${message}, which the kernels for 4 bits do not compute`;
}

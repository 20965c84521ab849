import type { Tensor as OrtTensor } from 'onnxruntime-common';
import type { DType, Tensor } from '../../tensor/tensor.ts';
import { ofBackend, type Backend, type FixedMemory, type Session, type SessionRequest } from './backend.ts';

export type Feeds = Readonly<Record<string, OrtTensor>>;

/** One ONNX graph that can be run. */
export class GraphSession {
	readonly name: string;
	readonly #session: Session;

	private constructor(name: string, session: Session) {
		this.name = name;
		this.#session = session;
	}

	static async create(backend: Backend, request: SessionRequest): Promise<GraphSession> {
		return new GraphSession(request.files.graph, await backend.createSession(request));
	}

	get outputNames(): readonly string[] {
		return this.#session.outputNames;
	}

	/** Memory of its own that it reads and writes in place. */
	get memory(): FixedMemory | undefined {
		return this.#session.memory;
	}

	hasInput(name: string): boolean {
		return this.#session.inputNames.includes(name);
	}

	/** Outputs that are named, or begin with a name that ends in a dot. */
	outputsNamed(names: readonly string[]): string[] {
		return this.outputNames.filter((output) => matches(output, names));
	}

	/**
	 * Runs the graph; feeds it has no input for are left out. Only the wanted outputs are fetched.
	 * @param into tensors that outputs are written into; the others get new ones
	 * @throws BackendError
	 */
	async run(feeds: Feeds, wanted: readonly string[], into: Feeds = {}): Promise<Record<string, OrtTensor>> {
		const own: Record<string, OrtTensor> = {};
		for (const name of this.#session.inputNames) {
			const feed = feeds[name];
			if (!feed) throw new Error(`${this.name} has an input "${name}" that this version does not know.`);
			own[name] = feed;
		}
		for (const name of wanted)
			if (!this.outputNames.includes(name)) throw new Error(`${this.name} has no output "${name}".`);
		const fetches = Object.fromEntries(wanted.map((name) => [name, into[name] ?? null]));
		return ofBackend(this.#session.run(own, fetches));
	}

	release(): Promise<void> {
		return this.#session.release();
	}
}

/** Whether a name is wanted: equal to one of `names`, or below one that ends in a dot. */
export function matches(name: string, names: readonly string[] | undefined): boolean {
	return names?.some((wanted) => (wanted.endsWith('.') ? name.startsWith(wanted) : name === wanted)) ?? true;
}

/** A runtime tensor's values, brought from the device where needed. @throws BackendError */
export async function toTensor(value: OrtTensor): Promise<Tensor> {
	const data = await ofBackend(value.getData());
	if (value.type === 'float16') {
		// Runtimes with Float16Array use it; our tensors keep the bits.
		const { buffer, byteOffset, byteLength } = data as unknown as Uint16Array<ArrayBuffer>;
		return {
			dtype: 'float16',
			dims: [...value.dims],
			data: new Uint16Array(buffer, byteOffset, byteLength / 2)
		};
	}
	return { dtype: value.type as DType, dims: [...value.dims], data: data as Tensor['data'] };
}

/** A float32 output's values. */
export async function toFloats(value: OrtTensor): Promise<Float32Array> {
	const { dtype, data } = await toTensor(value);
	if (dtype !== 'float32') throw new Error(`A graph gave ${dtype} where float32 was expected.`);
	return data as Float32Array;
}

export function disposeAll(tensors: Iterable<OrtTensor>): void {
	for (const tensor of tensors) tensor.dispose();
}

import { elementCount, type Tensor } from '../../tensor/tensor.ts';
import { matches } from './graph-session.ts';
import type { Trace } from './types.ts';

/** Collects named activations while a model runs. */
export class TraceRecorder {
	readonly #names: readonly string[] | undefined;
	readonly #parts = new Map<string, Tensor[]>();

	/** @param names Names, or beginnings of names that end in a dot; everything when absent. */
	constructor(names?: readonly string[]) {
		this.#names = names;
	}

	wants(name: string): boolean {
		return matches(name, this.#names);
	}

	/** Adds a tensor if it is wanted; a second one of the same name is put behind the first on axis 0 (images). */
	add(name: string, tensor: Tensor): void {
		if (!this.wants(name)) return;
		const parts = this.#parts.get(name);
		if (parts) parts.push(tensor);
		else this.#parts.set(name, [tensor]);
	}

	get trace(): Trace {
		return Object.fromEntries([...this.#parts].map(([name, parts]) => [name, concatenate(parts)]));
	}
}

/** Tensors of one type and shape, one after the other on axis 0. */
function concatenate(parts: readonly Tensor[]): Tensor {
	const [first] = parts;
	if (!first || parts.length === 1) return first!;
	const dims = [parts.reduce((sum, part) => sum + part.dims[0]!, 0), ...first.dims.slice(1)];
	const bytes = new Uint8Array((first.data.byteLength / elementCount(first.dims)) * elementCount(dims));
	let at = 0;
	for (const { data } of parts) {
		bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
		at += data.byteLength;
	}
	const Values = first.data.constructor as new (buffer: ArrayBuffer) => Tensor['data'];
	return { dtype: first.dtype, dims, data: new Values(bytes.buffer) };
}

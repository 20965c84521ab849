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

	/**
	 * Adds a tensor if it is wanted. A second one of the same name is put behind the first: on axis 0 (images), or on axis 1 where one image
	 * has more patches or tokens than the other. Maps of several sizes are told apart by a number behind the name, `.image1` for the second.
	 */
	add(name: string, tensor: Tensor): void {
		if (!this.wants(name)) return;
		const parts = this.#parts.get(name);
		if (parts) parts.push(tensor);
		else this.#parts.set(name, [tensor]);
	}

	get trace(): Trace {
		return Object.fromEntries([...this.#parts].flatMap(([name, parts]) => joined(name, parts)));
	}
}

function joined(name: string, parts: readonly Tensor[]): [name: string, tensor: Tensor][] {
	const [first] = parts;
	if (!first || parts.length === 1) return first ? [[name, first]] : [];
	const alike = (from: number) =>
		parts.every(({ dims }) => dims.slice(from).join() === first.dims.slice(from).join());
	if (alike(1)) return [[name, concatenate(parts, 0)]];
	if (alike(2) && parts.every(({ dims }) => dims[0] === 1)) return [[name, concatenate(parts, 1)]];
	return parts.map((part, i) => [i === 0 ? name : `${name}.image${i}`, part]);
}

/** Tensors of one type, one after the other on an axis that has only axes of size 1 before it. */
function concatenate(parts: readonly Tensor[], axis: number): Tensor {
	const first = parts[0]!;
	const dims = [...first.dims];
	dims[axis] = parts.reduce((sum, part) => sum + part.dims[axis]!, 0);
	const bytes = new Uint8Array((first.data.byteLength / elementCount(first.dims)) * elementCount(dims));
	let at = 0;
	for (const { data } of parts) {
		bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
		at += data.byteLength;
	}
	const Values = first.data.constructor as new (buffer: ArrayBuffer) => Tensor['data'];
	return { dtype: first.dtype, dims, data: new Values(bytes.buffer) };
}

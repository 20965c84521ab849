import { tensorReader, type Checkpoint, type NamedTensor } from '../checkpoint/checkpoint.ts';
import { InputError } from '../tensor/errors.ts';
import { elementCount } from '../tensor/tensor.ts';

/** A checkpoint read by upstream's keys, with every shape checked against the config before any byte is read. */
export class StateDict {
	readonly #checkpoint: Checkpoint;
	readonly #used = new Set<string>();
	readonly #sameCountIsEnough: boolean;

	/** @param sameCountIsEnough for sources that keep element order but not axes of size 1 (a converted model folder) */
	constructor(checkpoint: Checkpoint, { sameCountIsEnough = false } = {}) {
		this.#checkpoint = checkpoint;
		this.#sameCountIsEnough = sameCountIsEnough;
	}

	has(key: string): boolean {
		return this.#checkpoint.entries.has(key);
	}

	/** Shape as stored; used where upstream's migrations decide by it. */
	dims(key: string): readonly number[] | undefined {
		return this.#checkpoint.entries.get(key)?.dims;
	}

	/** Checks that `key` is there with that shape. */
	expect(key: string, dims: readonly number[]): void {
		const entry = this.#checkpoint.entries.get(key);
		if (!entry)
			throw new InputError(
				`The checkpoint has no tensor ${key}; it is incomplete or config.json belongs to another model.`
			);
		const same = this.#sameCountIsEnough
			? elementCount(entry.dims) === elementCount(dims)
			: entry.dims.join() === dims.join();
		if (!same)
			throw new InputError(
				`Tensor ${key} has shape [${entry.dims.join(', ')}], but config.json asks for [${dims.join(', ')}]; the two belong to different models.`
			);
		this.#used.add(key);
	}

	/** The tensor in parts, as it is stored. */
	async reader(key: string): Promise<NamedTensor> {
		return { ...(await tensorReader(this.#checkpoint, key)), name: key };
	}

	/** Keys that no graph asked for (upstream ignores them too). */
	unused(): string[] {
		return [...this.#checkpoint.entries.keys()].filter((key) => !this.#used.has(key));
	}
}

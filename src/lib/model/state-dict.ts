import { tensorReader, type Checkpoint, type NamedTensor } from '../checkpoint/checkpoint.ts';
import { InputError } from '../tensor/errors.ts';
import { elementCount, type DType } from '../tensor/tensor.ts';

/** Types in which weights are stored as they are. */
const floats: readonly DType[] = ['float32', 'float16', 'bfloat16', 'float64'];

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

	/** Every tensor that can be read. */
	get entries(): Checkpoint['entries'] {
		return this.#checkpoint.entries;
	}

	has(key: string): boolean {
		return this.#checkpoint.entries.has(key);
	}

	/** The tensor that quantisers keep in place of a weight. */
	#packed(key: string): string | undefined {
		const layer = key.replace(/\.weight$/, '');
		return ['qweight', 'weight_packed', 'weight_quantized']
			.map((name) => `${layer}.${name}`)
			.find((name) => this.has(name) || this.#checkpoint.unreadable?.has(name));
	}

	/** Shape as stored; used where upstream's migrations decide by it. */
	dims(key: string): readonly number[] | undefined {
		return this.#checkpoint.entries.get(key)?.dims;
	}

	/** Checks that `key` is there with that shape, and holds weights as they are: no packed or sharded ones. */
	expect(key: string, dims: readonly number[]): void {
		const entry = this.#checkpoint.entries.get(key);
		if (!entry) {
			const why = this.#checkpoint.unreadable?.get(key);
			if (why !== undefined) throw new InputError(`Tensor ${key} ${why}.`);
			const packed = this.#packed(key);
			if (packed !== undefined)
				throw new InputError(
					`The checkpoint has ${packed} in place of ${key}: weights packed by a quantiser (GPTQ, AWQ, compressed-tensors), which are not read; convert the model that was quantised, or dequantise it and convert that.`
				);
			throw new InputError(
				`The checkpoint has no tensor ${key}; it is incomplete or config.json belongs to another model.`
			);
		}
		const packed = this.#packing(key, entry);
		if (packed !== undefined) throw new InputError(packed);
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

	/** What to say of a tensor that stands for weights without being them. */
	#packing(
		key: string,
		{ dtype, dims }: { readonly dtype: DType; readonly dims: readonly number[] }
	): string | undefined {
		if (elementCount(dims) === 0)
			return `Tensor ${key} has shape [${dims.join(', ')}]: the weights are spread over other files, as DeepSpeed ZeRO-3 saves them; gather them with its zero_to_fp32.py and convert the result.`;
		if (floats.includes(dtype)) return undefined;
		const layer = key.replace(/\.weight$/, '');
		const named = (end: string) => [`${key}.${end}`, `${layer}.${end}`].some((name) => this.#names(name));
		const unquantised = 'save the model without quantisation, or dequantise it, and convert that';
		if (dtype === 'int8' && named('SCB'))
			return `Tensor ${key} holds 8-bit weights of bitsandbytes (int8 with SCB beside them); ${unquantised}.`;
		if (dtype === 'uint8' && (named('absmax') || named('quant_map') || this.#names(`${key}.quant_state.`)))
			return `Tensor ${key} holds 4-bit weights of bitsandbytes (packed in uint8, with their quant_state beside them); ${unquantised}.`;
		return `Tensor ${key} holds ${dtype} numbers, which are no weights as they are (a quantised model keeps them so); ${unquantised}.`;
	}

	/** Whether a tensor of that name is there, or one that begins so when it ends with a dot. */
	#names(name: string): boolean {
		const { entries, unreadable = new Map<string, string>() } = this.#checkpoint;
		if (!name.endsWith('.')) return entries.has(name) || unreadable.has(name);
		return [...entries.keys(), ...unreadable.keys()].some((key) => key.startsWith(name));
	}

	/** Tensors that graphs asked for. */
	get used(): ReadonlySet<string> {
		return this.#used;
	}

	/** Tensors that no graph asked for, those that cannot be read included. Known once every graph is built. */
	unused(): string[] {
		const { entries, unreadable } = this.#checkpoint;
		return [...entries.keys(), ...(unreadable?.keys() ?? [])].filter((key) => !this.#used.has(key));
	}

	/** What a reader of the checkpoint should know, in whole sentences. */
	get notes(): readonly string[] {
		return this.#checkpoint.notes ?? [];
	}
}

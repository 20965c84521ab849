import type { GenerationConfig, PreTrainedModel, Tensor, TextStreamer } from '@huggingface/transformers';

type Library = Pick<typeof import('@huggingface/transformers'), 'BaseStreamer' | 'Tensor'>;

/** What a processor of transformers.js makes of a prompt, and perhaps of a picture. */
interface PeerInputs {
	readonly input_ids: Tensor;
	readonly attention_mask: Tensor;
	readonly [other: string]: unknown;
}

interface TimedIds {
	readonly ids: number[];
	/** When each was there, milliseconds from the beginning. */
	readonly at_ms: number[];
}

/**
 * Greedy generation in transformers.js with the time of every token.
 * @param ids the prompt
 * @returns the new ids
 */
export async function timedGeneration(
	library: Library,
	model: PreTrainedModel,
	ids: BigInt64Array,
	new_tokens: number
): Promise<TimedIds> {
	const shape = [1, ids.length];
	const begin = performance.now();
	const inputs = {
		input_ids: new library.Tensor('int64', ids, shape),
		attention_mask: new library.Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape)
	};
	return timedAnswer(library, model, inputs, new_tokens, begin);
}

/** As `timedGeneration`, to inputs that need not be text alone. @param begin when the clock started */
export async function timedAnswer(
	{ BaseStreamer }: Pick<Library, 'BaseStreamer'>,
	model: PreTrainedModel,
	inputs: PeerInputs,
	new_tokens: number,
	begin: number
): Promise<TimedIds> {
	const at_ms: number[] = [];
	class Clock extends BaseStreamer {
		override put(): void {
			at_ms.push(performance.now() - begin);
		}
		override end(): void {}
	}
	const output = await model.generate({
		...inputs,
		generation_config: {
			max_new_tokens: new_tokens,
			do_sample: false,
			eos_token_id: null
		} as unknown as GenerationConfig,
		// Its type asks for a TextStreamer's fields too; put() and end() are what is called.
		streamer: new Clock() as unknown as InstanceType<typeof TextStreamer>
	});
	const all = Array.from((output as Tensor).data as BigInt64Array, Number);
	// The streamer gets the prompt first.
	return { ids: all.slice(inputs.input_ids.dims[1]), at_ms: at_ms.slice(-new_tokens) };
}

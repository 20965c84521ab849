import type { GenerationConfig, PreTrainedModel, TextStreamer } from '@huggingface/transformers';

type Library = Pick<typeof import('@huggingface/transformers'), 'BaseStreamer' | 'Tensor'>;

/**
 * Greedy generation in transformers.js with the time of every token.
 * @param ids the prompt
 * @returns the new ids, and when each was there, milliseconds from the beginning
 */
export async function timedGeneration(
	{ BaseStreamer, Tensor }: Library,
	model: PreTrainedModel,
	ids: BigInt64Array,
	new_tokens: number
): Promise<{ readonly ids: number[]; readonly at_ms: number[] }> {
	const shape = [1, ids.length];
	const begin = performance.now();
	const at_ms: number[] = [];
	class Clock extends BaseStreamer {
		override put(): void {
			at_ms.push(performance.now() - begin);
		}
		override end(): void {}
	}
	const output = await model.generate({
		inputs: new Tensor('int64', ids, shape),
		attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
		generation_config: {
			max_new_tokens: new_tokens,
			do_sample: false,
			eos_token_id: null
		} as unknown as GenerationConfig,
		// Its type asks for a TextStreamer's fields too; put() and end() are what is called.
		streamer: new Clock() as unknown as InstanceType<typeof TextStreamer>
	});
	const all = Array.from((output as InstanceType<typeof Tensor>).data as BigInt64Array, Number);
	// The streamer gets the prompt first.
	return { ids: all.slice(ids.length), at_ms: at_ms.slice(-new_tokens) };
}

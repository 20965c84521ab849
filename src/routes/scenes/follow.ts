import type { ImageInput } from '$lib/model/runtime/types.ts';
import type { TokenPatchMap } from '$lib/analysis/map.ts';
import { tokenPatchMap } from '$lib/analysis/map.ts';
import type { LocalityMethod } from '$lib/model/probes/locality.ts';
import { greedy } from '$lib/model/runtime/sampling.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';

/** A projector at a number of visual tokens, as the worker's requests name it. */
export interface Choice {
	readonly projector: string;
	readonly tokens?: number;
}

/** Words that no true answer exceeds; descriptions and boxes are long. */
const maxNewTokens = 96;

/** The greedy answer to one question about one image. */
export async function answerTo(
	client: ModelClient,
	choice: Choice,
	image: ImageInput,
	question: string
): Promise<string> {
	const events = client.answer({
		...choice,
		turns: [{ question, images: [image] }],
		sampling: { ...greedy, max_new_tokens: maxNewTokens }
	});
	for await (const event of events) if (event.type === 'done') return event.result.text.trim();
	throw new Error('The answer ended before it was whole; try again.');
}

/** Map of how much each patch moves each visual token: one direction per patch, so that it can follow a moving sprite. */
export async function quickMap(
	client: ModelClient,
	choice: Choice,
	image: ImageInput,
	method: LocalityMethod
): Promise<TokenPatchMap> {
	const maps = await client.locality({
		...choice,
		image,
		method,
		...(method === 'perturbation' && { directions: 1 })
	});
	const map = maps['visual_embeds'];
	if (map === undefined) throw new Error('The model gave no locality map; try again.');
	const [tokens = 0, patches = 0] = map.dims;
	return tokenPatchMap(tokens, patches, map.data);
}

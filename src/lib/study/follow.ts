import type { TokenPatchMap } from '../analysis/map.ts';
import type { LocalityMethod } from '../model/probes/locality.ts';
import { greedy } from '../model/runtime/sampling.ts';
import type { Answerer } from './answerer.ts';
import { ask } from './ask.ts';
import type { Control } from './control.ts';
import { withoutEos } from './locality.ts';
import { isDirected } from './measurement.ts';
import { questionRequest, type Seen } from './question.ts';

/** Words that no true answer exceeds; descriptions and boxes are long. */
const MAX_NEW_TOKENS = 96;

/** The greedy answer to one question about one image. @throws as `ask` */
export async function answerTo(
	answerer: Pick<Answerer, 'answer'>,
	seen: Seen,
	question: string,
	control: Control = {}
): Promise<string> {
	const sampling = { ...greedy, max_new_tokens: MAX_NEW_TOKENS };
	const { text } = await ask(answerer, { ...questionRequest(seen, question), sampling }, control);
	return text.trim();
}

/**
 * Map of how much each patch moves each visual token: one direction each, so that it can follow a moving sprite.
 * @throws as `Answerer.locality`
 */
export async function quickMap(
	answerer: Pick<Answerer, 'locality'>,
	seen: Seen & { readonly tokens: number },
	method: LocalityMethod,
	control: Control = {}
): Promise<TokenPatchMap> {
	const directions = isDirected(method) ? { directions: 1 } : {};
	const { visual_embeds: map } = await answerer.locality({ ...seen, method, ...directions }, control);
	if (map === undefined) throw new Error('The model gave no locality map; try again.');
	return withoutEos(map, seen.tokens);
}

import { tokenLocalities } from '../analysis/locality.ts';
import type { ExampleImage } from '../benchmarks/benchmark.ts';
import type { TargetChoice } from '../benchmarks/run/target.ts';
import { sha256 } from '../bytes/hash.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import { withoutEos } from './locality.ts';
import { standardMethod } from './measurement.ts';

/**
 * Locality of images under a projector at M: minus the mean spread of its tokens' maps (patches), by image name. More is more local.
 * Gradients along one random direction for each token.
 */
export async function localityScore(
	answerer: Pick<Answerer, 'locality'>,
	target: TargetChoice,
	images: readonly { readonly name: string; readonly image: ExampleImage }[],
	{ signal, onProgress }: Control = {}
): Promise<ReadonlyMap<string, number>> {
	const scores = new Map<string, number>();
	for (const [done, { name, image }] of images.entries()) {
		onProgress?.({ done, total: images.length });
		const bytes = new Uint8Array(await image.read());
		const input = { id: await sha256(bytes), bytes, name };
		const maps = await answerer.locality(
			{ ...target, image: input, method: standardMethod, directions: 1 },
			{ signal }
		);
		const map = withoutEos(maps['visual_embeds']!, target.tokens);
		const localities = tokenLocalities(map, 'energy', undefined);
		scores.set(name, -localities.reduce((sum, { spread }) => sum + spread, 0) / localities.length);
	}
	return scores;
}

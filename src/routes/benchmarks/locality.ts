import { sha256 } from '$lib/bytes/hash.ts';
import { tokenLocalities } from '$lib/analysis/locality.ts';
import { tokenPatchMap } from '$lib/analysis/map.ts';
import type { ExampleImage } from '$lib/benchmarks/benchmark.ts';
import type { TargetChoice } from '$lib/benchmarks/run/target.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';
import type { Control } from '$lib/study/control.ts';

/**
 * Locality of images under a projector at M: minus the mean spread of its tokens' maps (patches), by image name. More is more local.
 * Perturbation with one random direction for each patch.
 */
export async function localityScore(
	client: ModelClient,
	target: TargetChoice,
	images: readonly { readonly name: string; readonly image: ExampleImage }[],
	{ signal, onProgress }: Control
): Promise<ReadonlyMap<string, number>> {
	const scores = new Map<string, number>();
	for (const [done, { name, image }] of images.entries()) {
		onProgress?.({ done, total: images.length });
		const bytes = new Uint8Array(await image.read());
		const input = { id: await sha256(bytes), bytes, name };
		const maps = await client.locality(
			{ ...target, image: input, method: 'perturbation', directions: 1 },
			{ signal }
		);
		const { dims, data } = maps['visual_embeds']!;
		const [tokens = 0, patches = 0] = dims.slice(-2);
		const localities = tokenLocalities(tokenPatchMap(tokens, patches, data), 'energy', undefined);
		scores.set(name, -localities.reduce((sum, { spread }) => sum + spread, 0) / localities.length);
	}
	return scores;
}

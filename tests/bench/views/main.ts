import type { MapTime } from '../../../src/cli/bench/views.ts';
import { median } from '../../../src/lib/analysis/statistics.ts';
import { DIRECTIONS } from '../../../src/lib/study/choices.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { measureFigures } from './figures.ts';

declare global {
	interface Window {
		/** Called by `tests/bench/views.ts`. */
		measureMaps: typeof measureMaps;
		measureFigures: typeof measureFigures;
	}
}

/** K with which the locality page shows its first look, that which the reference times were taken with, and that which it ends with. */
const counts = [1, 2, DIRECTIONS];

/** The middle of so many is told: what is compiled and prepared is there then. */
const TIMES = 3;

/** Locality maps of one projector of each family, its graph and the image's features being known. */
async function measureMaps(backend: 'webgpu' | 'wasm'): Promise<MapTime[]> {
	const bytes = new Uint8Array(await (await fetch('/bench.png')).arrayBuffer());
	const image = { id: 'bench', bytes, name: 'bench.png' };
	const client = new ModelClient();
	const url = new URL('/model/', location.href).href;
	const { manifest, backend: info } = await client.load({ location: { kind: 'url', url }, backend });
	const families = new Map(
		Object.entries(manifest.projectors)
			.reverse()
			.map(([name, entry]) => [entry.family ?? name, name])
	);
	const times: MapTime[] = [];
	for (const projector of families.values()) {
		await client.trace({ projector, image, names: ['visual_embeds'] });
		for (const method of ['gradient', 'perturbation'] as const)
			for (const directions of counts) {
				const taken: number[] = [];
				let dims: readonly number[] = [];
				for (let time = 0; time < TIMES; time++) {
					const begin = performance.now();
					const maps = await client.locality({ projector, image, method, directions });
					taken.push(performance.now() - begin);
					dims = maps.visual_embeds?.dims ?? [];
				}
				const ms = median(taken);
				const [tokens = 0, patches = 0] = dims;
				times.push({ backend: info.backend, projector, method, tokens, patches, directions, ms });
			}
	}
	client.dispose();
	return times;
}

Object.assign(window, { measureMaps, measureFigures });

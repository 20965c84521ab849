import { afterAll, beforeAll, expect, it } from 'vitest';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import type { Atlas } from '../../../src/lib/scenes/index.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { embeddedUrl, fetchAtlas, sceneImage } from './scenes.ts';
import reference from '../../fixtures/embedded/reference.json';

/** Scenes, and the projectors that each is asked of: the tower, which takes longest here, sees a scene once. */
const SCENES = 7;
const ASKED = 3;
let client: ModelClient;
let atlas: Atlas;

beforeAll(async () => {
	atlas = await fetchAtlas();
	client = new ModelClient();
	await client.load({ location: { kind: 'url', url: embeddedUrl() }, backend: 'webgpu' });
});
afterAll(() => client.dispose());

it(`answers ${SCENES * ASKED} questions about held-out scenes on WebGPU as PyTorch did before conversion`, async () => {
	expect(client.state).toMatchObject({ status: 'ready', model: { backend: { backend: 'webgpu' } } });
	const short = reference.items.filter(({ task }) => task !== 'caption' && task !== 'referring');
	const names = Object.keys(short[0]!.answers) as (keyof (typeof short)[0]['answers'])[];
	// Every projector is asked.
	expect(SCENES * ASKED).toBeGreaterThan(names.length);
	for (const [i, { seed, question, answers }] of short.slice(0, SCENES).entries()) {
		const image = sceneImage(atlas, seed);
		for (let k = 0; k < ASKED; k++) {
			const projector = names[(ASKED * i + k) % names.length]!;
			let text = '';
			for await (const event of client.answer({
				projector,
				turns: [{ question, images: [image] }],
				sampling: { ...greedy, max_new_tokens: 16 }
			}))
				if (event.type === 'done') text = event.result.text.trim();
			expect(text, `${projector}, scene ${seed}: ${question}`).toBe(answers[projector]);
		}
	}
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import type { Atlas } from '../../../src/lib/scenes/index.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { embeddedUrl, fetchAtlas, sceneImage } from './scenes.ts';
import reference from '../../fixtures/embedded/reference.json';

const COUNT = 20;
let client: ModelClient;
let atlas: Atlas;

beforeAll(async () => {
	atlas = await fetchAtlas();
	client = new ModelClient();
	await client.load({ location: { kind: 'url', url: embeddedUrl() }, backend: 'webgpu' });
});
afterAll(() => client.dispose());

it(`answers ${COUNT} held-out scenes on WebGPU as PyTorch did before conversion`, async () => {
	expect(client.state).toMatchObject({ status: 'ready', model: { backend: { backend: 'webgpu' } } });
	const short = reference.items.filter(({ task }) => task !== 'caption' && task !== 'referring');
	const names = Object.keys(short[0]!.answers) as (keyof (typeof short)[0]['answers'])[];
	for (const [i, { seed, question, answers }] of short.slice(0, COUNT).entries()) {
		const image = sceneImage(atlas, seed);
		const projector = names[i % names.length]!;
		let text = '';
		for await (const event of client.answer({
			projector,
			turns: [{ question, images: [image] }],
			sampling: { ...greedy, max_new_tokens: 16 }
		}))
			if (event.type === 'done') text = event.result.text.trim();
		expect(text, `${projector}, scene ${seed}: ${question}`).toBe(answers[projector]);
	}
});

import { decode, encode } from 'fast-png';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { greedy } from '../../../src/lib/model/sampling.ts';
import { Atlas, generateScene, renderScene, type AtlasIndex } from '../../../src/lib/scenes/index.ts';
import { createHoneybeeClient, type HoneybeeClient } from '../../../src/workers/honeybee.client.ts';
import reference from '../../fixtures/embedded/reference.json';

const COUNT = 20;
let client: HoneybeeClient;
let atlas: Atlas;

beforeAll(async () => {
	const index = (await (await fetch('/static/scenes/atlas.json')).json()) as AtlasIndex;
	const sprites = decode(await (await fetch('/static/scenes/atlas.png')).arrayBuffer());
	const { width, height } = sprites;
	atlas = new Atlas(index, { width, height, data: new Uint8ClampedArray(sprites.data) });
	client = createHoneybeeClient();
	const url = new URL('/static/models/honeybee-mini/', location.href).href;
	await client.load({ location: { kind: 'url', url }, backend: 'webgpu' });
});
afterAll(() => client.dispose());

it(`answers ${COUNT} held-out scenes on WebGPU as PyTorch did before conversion`, async () => {
	expect(client.state).toMatchObject({ status: 'ready', model: { backend: { backend: 'webgpu' } } });
	const short = reference.items.filter(({ task }) => task !== 'caption' && task !== 'referring');
	const names = Object.keys(short[0]!.answers) as (keyof (typeof short)[0]['answers'])[];
	for (const [i, { seed, question, answers }] of short.slice(0, COUNT).entries()) {
		const { width, height, data } = renderScene(generateScene(seed, 'test'), atlas);
		const image = {
			id: String(seed),
			name: `${seed}.png`,
			bytes: encode({ width, height, data, channels: 4, depth: 8 })
		};
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

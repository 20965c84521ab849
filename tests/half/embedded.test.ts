import { describe, expect, it } from 'vitest';
import { greedy } from '../../src/lib/model/runtime/sampling.ts';
import type { AnswerRequest, AnswerResult } from '../../src/lib/model/runtime/types.ts';
import type { ModelLocation } from '../../src/lib/browser/model-source.ts';
import { ConvertClient } from '../../src/workers/convert/client.ts';
import { ModelClient } from '../../src/workers/model/client.ts';
import { requestAdapter } from '../../src/lib/browser/gpu-device.ts';
import { machineOf } from '../../src/workers/model/preflight.ts';
import { fetchAtlas, sceneImage } from '../browser/embedded/scenes.ts';
import reference from '../fixtures/embedded/reference.json';
import { apart, embeddedFiles, halfTypes, HALF_TOLERANCE, type HalfType } from './support.ts';

const SCENES = 60;
/** Answers that may differ from those of float32: none in half precision, some in 4 bits, which move weights by some percent. */
const AGREEMENT = { fp16: 1, q4f16: 0.8 } as const;
const PROJECTORS = ['c-abs', 'd-abs', 'resampler', 'linear'] as const;

const converted = new Map<HalfType, Promise<ModelLocation>>();

function embeddedIn(dtype: HalfType): Promise<ModelLocation> {
	const known = converted.get(dtype);
	if (known) return known;
	const location = (async (): Promise<ModelLocation> => {
		const files = Object.entries(await embeddedFiles(dtype));
		const blobs = files.map(([path, bytes]) => [path, new Blob([bytes as BlobPart])] as const);
		return { kind: 'memory', name: `honeybee-mini-${dtype}`, files: Object.fromEntries(blobs) };
	})();
	converted.set(dtype, location);
	return location;
}

async function ask(client: ModelClient, request: AnswerRequest): Promise<AnswerResult> {
	for await (const event of client.answer(request)) if (event.type === 'done') return event.result;
	throw new Error('The answer did not end.');
}

describe.each(halfTypes)('the embedded model in %s', (dtype) => {
	it(`answers ${SCENES} held-out scenes as it does in float32`, async () => {
		const client = new ModelClient();
		try {
			const { backend } = await client.load({ location: await embeddedIn(dtype), backend: 'webgpu' });
			expect(backend).toMatchObject({ backend: 'webgpu', shader_f16: true });
			const atlas = await fetchAtlas();
			const short = reference.items.filter(({ task }) => task !== 'caption' && task !== 'referring');
			const differing: string[] = [];
			let asked = 0;
			for (const [i, { seed, question, answers }] of short.slice(0, SCENES).entries()) {
				const projector = PROJECTORS[i % PROJECTORS.length]!;
				const result = await ask(client, {
					projector,
					turns: [{ question, images: [sceneImage(atlas, seed)] }],
					sampling: { ...greedy, max_new_tokens: 16 }
				});
				asked++;
				if (result.text.trim() !== answers[projector])
					differing.push(
						`${projector}, scene ${seed}: ${question} ${answers[projector]} / ${result.text.trim()}`
					);
			}
			expect(asked).toBe(SCENES);
			const agreement = 1 - differing.length / SCENES;
			console.info(`${dtype}: ${(100 * agreement).toFixed(0)} % of ${SCENES} answers are those of float32`);
			expect(agreement, differing.join('\n')).toBeGreaterThanOrEqual(AGREEMENT[dtype]);
		} finally {
			client.dispose();
		}
	});

	it('keeps its cache in float16 over turns, and gives the answers of WASM', async () => {
		const image = sceneImage(await fetchAtlas(), 3);
		const seen = [];
		for (const backend of ['wasm', 'webgpu'] as const) {
			const client = new ModelClient();
			try {
				const { manifest } = await client.load({ location: await embeddedIn(dtype), backend });
				expect(manifest.kv_dtype).toBe('float16');
				const sampling = { ...greedy, max_new_tokens: 12 };
				const first = { question: 'Describe the image.', images: [image] };
				const one = await ask(client, { projector: 'c-abs', tokens: 144, turns: [first], sampling });
				// More positions than any tile of a kernel.
				expect(one.prompt_ids.length).toBeGreaterThan(150);
				const turns = [
					{ ...first, answer: one.text, answer_ids: one.ids },
					{ question: 'How many objects are there?', images: [] }
				];
				const two = await ask(client, { projector: 'c-abs', tokens: 144, turns, sampling });
				expect(two.cached_positions).toBeGreaterThanOrEqual(one.prompt_ids.length);
				const request = { projector: 'c-abs', tokens: 144, turns: [first], answer: { ids: one.ids } };
				const { log_probabilities } = await client.score(request);
				const attention = await client.influence({ ...request, method: 'attention' });
				seen.push({ one, two, log_probabilities, attention });
			} finally {
				client.dispose();
			}
		}
		const [wasm, gpu] = seen;
		expect(gpu!.one.ids).toEqual(wasm!.one.ids);
		expect(gpu!.two.ids).toEqual(wasm!.two.ids);
		expect(apart(gpu!.attention.values.data, wasm!.attention.values.data)).toBeLessThan(HALF_TOLERANCE);
		// Logarithms of probabilities, in nats: logits of up to 20 move by 2 %.
		gpu!.log_probabilities.forEach((value, i) =>
			expect(Math.abs(value - wasm!.log_probabilities[i]!)).toBeLessThan(20 * HALF_TOLERANCE)
		);
	});

	it('passes the self-test of the page', async () => {
		const rows = await new ConvertClient().selfCheck(await embeddedIn(dtype));
		expect(rows.length).toBeGreaterThan(10);
		for (const row of rows) {
			expect(row.verdict, `${row.name}: ${row.error} ${row.note}`).toBe('equal');
			console.info(`${dtype}: ${row.name} ${row.error!.toExponential(1)} of ${row.tolerance}`);
		}
	});
});

it('is the type that the page offers here', async () => {
	const machine = machineOf(await requestAdapter());
	expect(machine.adapter?.shader_f16).toBe(true);
	expect(machine.dtype).toBe('q4f16');
	expect(machine.dtypeReason).toContain('half-precision');
});

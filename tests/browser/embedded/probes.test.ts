import { afterAll, beforeAll, expect, it } from 'vitest';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import type {
	AnswerProbe,
	ImageInput,
	LocalityRequest,
	TokenEdit
} from '../../../src/lib/model/runtime/types.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { embeddedUrl, fetchAtlas, sceneImage } from './scenes.ts';

/** Every probe on WebGPU (SwiftShader here) beside the same on WASM: the embedded model, M = 9. */
const clients = {} as Record<'webgpu' | 'wasm', ModelClient>;
let images: [ImageInput, ImageInput];
let probe: AnswerProbe;

beforeAll(async () => {
	const atlas = await fetchAtlas();
	images = [sceneImage(atlas, 3), sceneImage(atlas, 4)];
	for (const backend of ['webgpu', 'wasm'] as const) {
		const client = new ModelClient();
		clients[backend] = client;
		const { backend: used } = await client.load({ location: { kind: 'url', url: embeddedUrl() }, backend });
		expect(used.backend).toBe(backend);
	}
	probe = {
		projector: 'c-abs',
		tokens: 9,
		turns: [{ question: 'Describe the image.', images: [images[0]] }],
		answer: { text: 'a ghost and two stars' }
	};
});
afterAll(() => {
	for (const client of Object.values(clients)) client.dispose();
});

/** The same work on both. */
const both = async <T>(work: (client: ModelClient) => Promise<T>): Promise<[webgpu: T, wasm: T]> => [
	await work(clients.webgpu),
	await work(clients.wasm)
];

/** Largest difference relative to the largest value. */
function apart(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
	expect(actual.length).toBe(expected.length);
	let most = 0;
	let difference = 0;
	for (let i = 0; i < expected.length; i++) {
		most = Math.max(most, Math.abs(expected[i]!));
		difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
	}
	expect(most).toBeGreaterThan(0);
	return difference / most;
}

/** Bound of DESIGN for float32 on WebGPU. */
const TOLERANCE = 1e-3;

it('forced decoding', async () => {
	const [gpu, wasm] = await both((client) => client.score(probe));
	expect(gpu.ids).toEqual(wasm.ids);
	expect(apart(gpu.log_probabilities, wasm.log_probabilities)).toBeLessThan(TOLERANCE);
});

it('attention of every layer and head, from the cache of the answer before', async () => {
	const [gpu, wasm] = await both((client) => client.influence({ ...probe, method: 'attention' }));
	const { text_config } = loadedManifest().config;
	expect(gpu.values.dims).toEqual([
		...[text_config.num_hidden_layers, text_config.num_attention_heads, gpu.ids.length, 9]
	]);
	expect(apart(gpu.values.data, wasm.values.data)).toBeLessThan(TOLERANCE);
});

it('ablation of every visual token, with progress', async () => {
	const steps: number[] = [];
	const [gpu, wasm] = await both((client) =>
		client.influence({ ...probe, method: 'ablation' }, { onProgress: ({ done }) => void steps.push(done) })
	);
	expect(steps).toContain(9);
	// Differences of log-probabilities: their error is that of the log-probabilities.
	const { log_probabilities } = await clients.wasm.score(probe);
	const largest = Math.max(...log_probabilities.map(Math.abs));
	gpu.values.data.forEach((value, i) =>
		expect(Math.abs(value - wasm.values.data[i]!)).toBeLessThan(2 * TOLERANCE * largest)
	);
});

it('logit lens of every layer', async () => {
	const [gpu, wasm] = await both((client) => client.lens(probe));
	expect(gpu).toHaveLength(wasm.length);
	const numbers = (grid: typeof gpu) => ({
		entropy: grid.flatMap((layer) => layer.map((reading) => reading.entropy)),
		first: grid.flatMap((layer) => layer.map(({ probabilities }) => probabilities[0]!))
	});
	expect(apart(numbers(gpu).entropy, numbers(wasm).entropy)).toBeLessThan(TOLERANCE);
	expect(apart(numbers(gpu).first, numbers(wasm).first)).toBeLessThan(TOLERANCE);
});

it.each<TokenEdit['kind']>(['delete', 'mean', 'swap', 'transplant'])('edit: %s', async (kind) => {
	const edits: Record<TokenEdit['kind'], TokenEdit> = {
		delete: { kind: 'delete', tokens: [0, 4] },
		mean: { kind: 'mean', tokens: [3, 4, 5] },
		swap: { kind: 'swap', pairs: [[0, 8]] },
		transplant: {
			...{ kind: 'transplant', tokens: [1, 2], source: [1, 2] },
			from: { projector: 'c-abs', tokens: 9, image: images[1] }
		}
	};
	const changed = { ...probe, edits: [edits[kind]] };
	const [gpu, wasm] = await both(async (client) => {
		const { log_probabilities } = await client.score(changed);
		const { answer: _, ...request } = changed;
		for await (const event of client.answer({ ...request, sampling: { ...greedy, max_new_tokens: 8 } }))
			if (event.type === 'done') return { log_probabilities, ids: event.result.ids };
		throw new Error('no result');
	});
	expect(gpu.ids).toEqual(wasm.ids);
	expect(apart(gpu.log_probabilities, wasm.log_probabilities)).toBeLessThan(TOLERANCE);
	const plain = await clients.wasm.score(probe);
	expect(apart(wasm.log_probabilities, plain.log_probabilities)).toBeGreaterThan(TOLERANCE);
});

it.each<Pick<LocalityRequest, 'method' | 'projector' | 'tokens'>>([
	// Convolutions, norms, activations and gates, differentiated.
	{ method: 'gradient', projector: 'c-abs', tokens: 9 },
	{ method: 'perturbation', projector: 'pool', tokens: 9 },
	// The cheapest projector: what is compared is the method; every projector's graph is by the golden tensors.
	{ method: 'occlusion', projector: 'pool', tokens: 9 }
])('locality by $method of $projector', async (choice) => {
	const request = { ...choice, image: images[0], directions: 1 };
	const [gpu, wasm] = await both((client) => client.locality(request));
	const [a, b] = [gpu, wasm].map((maps) => maps.visual_embeds!);
	expect(a!.dims).toEqual(b!.dims);
	// Small steps: what is compared are differences, whose error is larger than that of the values.
	expect(apart(a!.data, b!.data)).toBeLessThan(10 * TOLERANCE);
});

function loadedManifest() {
	const { state } = clients.webgpu;
	if (state.status !== 'ready') throw new Error('The model is not ready.');
	return state.model.manifest;
}

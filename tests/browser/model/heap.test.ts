import { afterAll, expect, it } from 'vitest';
import { languageGraph } from '../../../src/lib/model/language/graph.ts';
import { graphFiles, graphPart } from '../../../src/lib/model/convert/part.ts';
import type { WeightDType } from '../../../src/lib/model/manifest.ts';
import { parseConfig } from '../../../src/lib/model/families/honeybee/parse-config.ts';
import type { Backend, SessionRequest } from '../../../src/lib/model/runtime/backend.ts';
import type { WeightLocation } from '../../../src/lib/onnx/types.ts';
import { loadWebGpuRuntime } from '../../../src/workers/model/ort-web.ts';
import { createWebGpuBackend } from '../../../src/workers/model/web-backend.ts';
import { ShapesOnly } from '../../support/official-manifest.ts';
import { smallConfig } from '../../support/random-checkpoint.ts';

/** Every memory that WebAssembly is given in this page, to see what passes through its heap. */
const heaps: WebAssembly.Memory[] = [];
const Memory = WebAssembly.Memory;
WebAssembly.Memory = class extends Memory {
	constructor(descriptor: WebAssembly.MemoryDescriptor) {
		super(descriptor);
		heaps.push(this);
	}
};
afterAll(() => {
	WebAssembly.Memory = Memory;
});
const heapBytes = () => heaps.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);

/** A language graph as wide as it takes for weights of some hundred megabytes, and files of zeros for it. */
function wideLanguage(dtype: WeightDType, suspends: boolean): { request: SessionRequest; bytes: number } {
	const text = {
		vocab_size: 2048,
		hidden_size: 2048,
		intermediate_size: 5504,
		num_hidden_layers: dtype === 'q4' ? 8 : 2,
		num_attention_heads: 16,
		num_key_value_heads: 16
	};
	const { text_config } = parseConfig(smallConfig({ text }));
	const planned = graphPart(
		languageGraph(text_config, new ShapesOnly(), dtype, { layers: [0, text.num_hidden_layers] }),
		'language'
	);
	const locations = new Map<string, WeightLocation>();
	const files = new Map<string, Uint8Array>();
	for (const shard of planned.shards) {
		for (const [name, location] of shard.locations) locations.set(name, location);
		files.set(shard.path, new Uint8Array(shard.size));
	}
	files.set(
		planned.path,
		planned.graph.serialize(({ name }) => locations.get(name)!)
	);
	const folder = {
		// Where a Blob may be taken, no file is read whole but the graph.
		read: async (path: string) => {
			if (suspends && path !== planned.path) throw new Error(`${path} was read whole.`);
			return files.get(path)!;
		},
		blob: async (path: string) => new Blob([files.get(path)! as Uint8Array<ArrayBuffer>])
	} as unknown as SessionRequest['folder'];
	return {
		request: { folder, files: graphFiles(planned) },
		bytes: planned.shards.reduce((sum, { size }) => sum + size, 0)
	};
}

const backends = new Map<boolean, Backend>();
afterAll(async () => {
	for (const backend of backends.values()) await backend.dispose();
});

it.each([
	['q4', true],
	['fp32', true],
	['q4', false],
	['fp32', false]
] as const)(
	'weights in %s go to the GPU without passing whole through the heap of WebAssembly, which suspends itself: %s',
	async (dtype, suspends) => {
		let backend = backends.get(suspends);
		if (!backend) {
			backend = await createWebGpuBackend({
				reason: 'asked for by the test',
				onFailure: ({ message }) => {
					throw new Error(message);
				},
				suspends
			});
			backends.set(suspends, backend);
		}
		expect(heaps.length).toBe(backends.size);
		const { request, bytes } = wideLanguage(dtype, suspends);
		const before = heapBytes();
		const session = await backend.createSession(request);
		const grown = heapBytes() - before;
		console.info(
			`${dtype}: ${(bytes / 1e6).toFixed(0)} MB of weights, heap ${(before / 1e6).toFixed(0)} MB and ${(grown / 1e6).toFixed(1)} MB more`
		);
		expect(bytes).toBeGreaterThan(2e8);
		expect(grown).toBeLessThan(bytes / 4);
		await session.release();
	}
);

it('the runtime is by itself the one for what the browser can do', async () => {
	expect((await loadWebGpuRuntime()).blobs).toBe('Suspending' in WebAssembly);
});

import { afterAll } from 'vitest';
import type { Backend } from '../../src/lib/model/runtime/backend.ts';
import { HoneybeeModel } from '../../src/lib/model/runtime/model.ts';
import type { ModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import { decodeImage } from '../../src/workers/decode-image.ts';
import { createWasmBackend, createWebGpuBackend } from '../../src/workers/web-backend.ts';

/** The types that need half precision on WebGPU. */
export const halfTypes = ['fp16', 'q4f16'] as const;
export type HalfType = (typeof halfTypes)[number];

export type WhereName = 'webgpu' | 'wasm';

const made = new Map<WhereName, Promise<Backend>>();
afterAll(async () => {
	for (const backend of made.values()) await (await backend).dispose();
	made.clear();
});

/** The backend of this page, made at its first use. An error that the device reports by itself fails the next use. */
export function backendOf(name: WhereName): Promise<Backend> {
	const known = made.get(name);
	if (known) return known;
	const backend =
		name === 'wasm'
			? createWasmBackend('asked for by the test')
			: createWebGpuBackend({
					reason: 'asked for by the test',
					onFailure: ({ message }) => failures.push(message)
				});
	made.set(name, backend);
	return backend;
}

/** What devices reported by themselves. */
export const failures: string[] = [];

/** A model on a backend that outlives it. */
export async function loadOn(name: WhereName, folder: ModelFolder): Promise<HoneybeeModel> {
	const backend = await backendOf(name);
	return HoneybeeModel.load({
		backend: { ...backend, dispose: async () => undefined },
		folder,
		decodeImage
	});
}

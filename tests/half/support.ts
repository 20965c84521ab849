import { afterAll, expect } from 'vitest';
import { memoryFolder } from '../../src/lib/checkpoint/memory.ts';
import type { ModelManifest } from '../../src/lib/model/manifest.ts';
import type { Backend, Session } from '../../src/lib/model/runtime/backend.ts';
import { HoneybeeModel } from '../../src/lib/model/runtime/model.ts';
import { openModelFolder, type ModelFolder } from '../../src/lib/model/runtime/model-folder.ts';
import type { AnswerRequest, AnswerResult } from '../../src/lib/model/runtime/types.ts';
import type { TraceRecorder } from '../../src/lib/model/runtime/trace-recorder.ts';
import { decodeImage } from '../../src/lib/browser/decode-image.ts';
import { createWasmBackend, createWebGpuBackend } from '../../src/workers/model/web-backend.ts';
import { embeddedUrl } from '../browser/embedded/scenes.ts';
import { convertFolder, convertGolden } from '../browser/model/converted.ts';

/** The types that need half precision on WebGPU. */
export const halfTypes = ['fp16', 'q4f16'] as const;
export type HalfType = (typeof halfTypes)[number];

export type Where = 'webgpu' | 'wasm';

/**
 * Largest error allowed, relative to the largest value. WebGPU kernels add up products in float16: a sum of 512 is off by up to 5e-3 of
 * the largest value (measured, README.md), what three layers of these make of it by up to 1.5e-2. It is what the page's own self-test
 * allows, too.
 */
export const HALF_TOLERANCE = 2e-2;
/** The vision tower's sums are shorter: twice the 2.5e-3 that a sum of 256 is off by. */
export const FEATURES_TOLERANCE = 5e-3;
/** A D-Abstractor of random weights makes five times as much of an error of its features, in 8 bits as in float16. */
export const D_ABSTRACTOR_TOLERANCE = 5 * FEATURES_TOLERANCE;

/** 4-bit weights of random matrices lose far more: this only tells a working graph from a broken one (unrelated values are off by 1 to 2). */
export const FOUR_BIT_TOLERANCE = 0.7;

const made = new Map<Where, Promise<Backend>>();
/** What devices reported by themselves. */
const failures: string[] = [];
afterAll(async () => {
	for (const backend of made.values()) await (await backend).dispose();
	made.clear();
	expect(failures).toEqual([]);
});

/** The backend of this page, made at its first use. */
export function backendOf(where: Where): Promise<Backend> {
	const known = made.get(where);
	if (known) return known;
	const reason = 'asked for by the test';
	const backend =
		where === 'wasm'
			? createWasmBackend(reason)
			: createWebGpuBackend({ reason, half: true, onFailure: ({ message }) => failures.push(message) });
	made.set(where, backend);
	return backend;
}

/** A session as it was run: names of its graph and outputs, and where each output lies. */
export interface SeenRun {
	readonly graph: string;
	readonly locations: Readonly<Record<string, string>>;
}

/** A model on a backend that outlives it. @param seen gets what is run */
export async function loadOn(where: Where, folder: ModelFolder, seen?: SeenRun[]): Promise<HoneybeeModel> {
	const backend = await backendOf(where);
	return HoneybeeModel.load({
		backend: {
			...backend,
			async createSession(request): Promise<Session> {
				const session = await backend.createSession(request);
				if (!seen) return session;
				return {
					inputNames: session.inputNames,
					outputNames: session.outputNames,
					release: () => session.release(),
					async run(feeds, fetches) {
						const outputs = await session.run(feeds, fetches);
						const locations = Object.entries(outputs).map(
							([name, { location }]) => [name, location] as const
						);
						seen.push({ graph: request.files.graph, locations: Object.fromEntries(locations) });
						return outputs;
					}
				};
			},
			dispose: async () => undefined
		},
		folder,
		decodeImage
	});
}

/** A golden checkpoint converted in this page. */
export async function goldenFolder(
	checkpoint: string,
	dtype: Parameters<typeof convertGolden>[1]
): Promise<ModelFolder> {
	return openModelFolder(memoryFolder(checkpoint, await convertGolden(checkpoint, dtype)));
}

/** The embedded model, which is float32, converted in this page. @returns the files of the model folder */
export async function embeddedFiles(
	dtype: HalfType,
	options?: Parameters<typeof convertFolder>[2]
): Promise<Record<string, Uint8Array>> {
	const url = embeddedUrl();
	const manifest = (await (await fetch(`${url}honeybee.json`)).json()) as ModelManifest;
	const files: Record<string, Uint8Array> = {};
	for (const path of ['honeybee.json', ...manifest.files.map((file) => file.path)])
		files[path] = new Uint8Array(await (await fetch(url + path)).arrayBuffer());
	return convertFolder(memoryFolder('honeybee-mini', files), dtype, options);
}

export async function answerOf(
	model: HoneybeeModel,
	request: AnswerRequest,
	recorder?: TraceRecorder
): Promise<AnswerResult> {
	for await (const event of model.answer(request, recorder ? { recorder } : {}))
		if (event.type === 'done') return event.result;
	throw new Error('The answer did not end.');
}

/** max|a − b| / max|b|; Infinity where a value is not a number. */
export function apart(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
	expect(actual.length).toBe(expected.length);
	let largest = 0;
	let scale = 0;
	for (let i = 0; i < expected.length; i++) {
		const distance = Math.abs(actual[i]! - expected[i]!);
		largest = Math.max(largest, Number.isFinite(distance) ? distance : Infinity);
		scale = Math.max(scale, Math.abs(expected[i]!));
	}
	expect(scale).toBeGreaterThan(0);
	return largest / scale;
}

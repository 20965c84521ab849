import gpuModule from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import gpuBinary from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import jspiModule from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiBinary from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import keepsInstance from './runtime-module.mjs?url&no-inline';
import cpuModule from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import cpuBinary from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import type { Env } from 'onnxruntime-common';
import { threadsFor } from '../../lib/model/decoder/thread.ts';
import type { WasmInstance, WasmRuntime } from './wasm-heap.ts';

export type Ort = typeof import('onnxruntime-web/wasm');

/** The runtime for WASM alone; half the download of the one with WebGPU, and faster on the processor. */
export async function loadWasmRuntime(threads: number): Promise<WasmRuntime> {
	const ort = await import('onnxruntime-web/wasm');
	const module = new URL(absolute(keepsInstance));
	module.searchParams.set('of', absolute(cpuModule));
	configure(ort.env, module.href, cpuBinary, threads);
	const kept = (await import(/* @vite-ignore */ module.href)) as { readonly instance?: WasmInstance };
	return { ort, instance: () => kept.instance };
}

/** The runtime with WebGPU. */
export interface WebGpuRuntime {
	readonly ort: Ort;
	/** Weights may be Blobs, which it reads tensor by tensor while it makes a session: no copy of a file is ever in memory. */
	readonly blobs: boolean;
}

/**
 * Two thirds of the download, and faster, where WebAssembly can wait for a promise by itself (JSPI: Chromium from 137 on, not Safari as of 2026);
 * elsewhere the one that was rewritten so that it can be unwound.
 */
export async function loadWebGpuRuntime(suspends = 'Suspending' in WebAssembly): Promise<WebGpuRuntime> {
	const ort = suspends ? await import('onnxruntime-web/jspi') : await import('onnxruntime-web/webgpu');
	if (suspends) configure(ort.env, jspiModule, jspiBinary, 1);
	else configure(ort.env, gpuModule, gpuBinary, 1);
	return { ort, blobs: suspends };
}

const absolute = (url: string) => new URL(url, globalThis.location.href).href;

function configure(env: Env, module: string, binary: string, threads: number): void {
	env.wasm.wasmPaths = { mjs: absolute(module), wasm: absolute(binary) };
	env.wasm.numThreads = threads;
	env.logLevel = 'error';
}

/** Threads that WASM can have: one without cross-origin isolation. */
export function wasmThreads(): number {
	if (!globalThis.crossOriginIsolated) return 1;
	return threadsFor(navigator.hardwareConcurrency || 1);
}

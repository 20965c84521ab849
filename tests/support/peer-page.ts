import type { env } from '@huggingface/transformers';

/** Lets transformers.js take models and its runtime from the server of this page alone, and keep none of them. */
export function fromThisServer(of: typeof env): void {
	of.allowRemoteModels = false;
	of.allowLocalModels = true;
	of.localModelPath = '/';
	of.useBrowserCache = false;
	of.backends.onnx.wasm!.wasmPaths = new URL('/peer-runtime/', location.href).href;
}

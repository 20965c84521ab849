export {};

/** Every test here computes in half precision on WebGPU: without it there is nothing to test, and that is a failure. */
const adapter = await navigator.gpu?.requestAdapter();
if (!adapter?.features.has('shader-f16'))
	throw new Error(
		'The WebGPU adapter of this browser has no half precision (shader-f16): make a browser that has it with' +
			' `node tests/half/adapter.mjs DIR`, and name it in CHROMIUM_PATH (tests/half/README.md).'
	);

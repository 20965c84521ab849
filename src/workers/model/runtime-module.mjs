/**
 * onnxruntime-web's WASM module, with its instance kept: the runtime's own JavaScript takes the module from an address and hides it.
 * This file stands at that address, and names the real one in its own: `runtime-module.mjs?of=ADDRESS`.
 */
const of = new URL(import.meta.url).searchParams.get('of') ?? '';
const { default: make } = await import(/* @vite-ignore */ of);

/** Undefined until the runtime has started. */
export let instance;

/** @param {object} settings as the runtime gives them */
export default async function start(settings) {
	instance = await make(settings);
	return instance;
}

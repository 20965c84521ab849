import type { WasmInstance } from './wasm-heap.ts';

export let instance: WasmInstance | undefined;
export default function start(settings: object): Promise<WasmInstance>;

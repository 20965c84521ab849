import { describe, expect, it } from 'vitest';

/** What every other browser test takes for granted. Without it they would test something else, or nothing. */
describe('the browser under test', () => {
	it('is cross-origin isolated, so that WASM has threads', () => {
		expect(globalThis.crossOriginIsolated).toBe(true);
		expect(typeof SharedArrayBuffer).toBe('function');
	});

	it('has a WebGPU adapter that makes a device', async () => {
		const adapter = await navigator.gpu?.requestAdapter();
		expect(adapter, 'no WebGPU adapter: see the flags in scripts/chromium.mjs').toBeTruthy();
		const device = await adapter?.requestDevice();
		expect(device?.limits.maxBufferSize).toBeGreaterThan(0);
		device?.destroy();
	});
});

import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { chromiumArgs, findChromium } from './scripts/chromium.mjs';
import { bundledWorkers } from './tests/support/bundled-workers.ts';
import { cachedModules } from './tests/support/cached-modules.ts';
import { modelHost } from './tests/support/model-host.ts';
import { seamsOutside, seenOutside, typeset } from './tests/support/outside.ts';

const isolation = {
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Embedder-Policy': 'require-corp'
};

/**
 * Hundreds of workers begin a runtime, and each would have what it calls a few times compiled again by the optimising compiler, for longer
 * than models this small compute. V8 does so only after some 80 times as many bytes as by default: an inner loop still is, within a tenth of a second.
 */
const compileLate = '--js-flags=--wasm-tiering-budget=1000000000';

/**
 * Every 64 MB of tensors that onnxruntime-node hands over V8 begins to mark what is still in use, piece by piece; what comes meanwhile counts as
 * used, and the next 64 MB begin it again. Marked at once, most tensors have gone with the young objects before it comes to that.
 */
const markAtOnce = '--no-incremental-marking';

/** Tests that run in Chromium. */
function inBrowser(own: {
	readonly name: string;
	readonly include: string[];
	readonly setupFiles?: string[];
	readonly testTimeout?: number;
}): TestProjectInlineConfiguration {
	return {
		plugins: [cachedModules(), bundledWorkers(), modelHost()],
		server: { headers: isolation },
		optimizeDeps: { exclude: ['onnxruntime-web'] },
		test: {
			testTimeout: 240_000,
			hookTimeout: 240_000,
			...own,
			fileParallelism: false,
			browser: {
				enabled: true,
				headless: true,
				screenshotFailures: false,
				provider: playwright({
					launchOptions: { executablePath: findChromium(), args: [...chromiumArgs, compileLate] }
				}),
				commands: {
					seamsOutside: (_context, name: string, dpi: number, size: number) => seamsOutside(name, dpi, size),
					seenOutside: (_context, name: string, dpi: number, screenshot: string) =>
						seenOutside(name, dpi, Buffer.from(screenshot, 'base64')),
					typeset: (_context, folder: string, name: string) => typeset(folder, name)
				},
				instances: [{ browser: 'chromium' }]
			}
		}
	};
}

export default defineConfig({
	test: {
		projects: [
			{
				// Session state is written with runes (*.svelte.ts).
				plugins: [svelte()],
				// In the environment "runes" (tests/support/runes.ts) Svelte is the page's.
				environments: { client: { resolve: { conditions: ['browser'] } } },
				resolve: {
					alias: {
						$lib: fileURLToPath(new URL('src/lib', import.meta.url)),
						'vitest-environment-runes': fileURLToPath(new URL('tests/support/runes.ts', import.meta.url))
					}
				},
				test: {
					name: 'unit',
					environment: 'node',
					include: ['tests/unit/**/*.test.ts', 'tests/figures/**/*.test.ts'],
					setupFiles: ['tests/support/nothing-left.ts'],
					// Modules are loaded once for all files.
					isolate: false,
					execArgv: ['--expose-gc', markAtOnce],
					testTimeout: 60_000,
					hookTimeout: 60_000
				}
			},
			{
				// The built workbench in the stock browsers.
				test: {
					name: 'browsers',
					environment: 'node',
					include: ['tests/browsers/**/*.test.ts'],
					globalSetup: ['tests/browsers/built.ts'],
					fileParallelism: false,
					testTimeout: 900_000,
					hookTimeout: 180_000
				}
			},
			inBrowser({ name: 'browser', include: ['tests/browser/**/*.test.ts'] }),
			// Needs an adapter with shader-f16: see tests/half/README.md.
			inBrowser({
				name: 'half',
				include: ['tests/half/**/*.test.ts'],
				setupFiles: ['tests/half/require-half.ts'],
				// llvmpipe takes minutes to compile attention in float16; it is compiled once.
				testTimeout: 1_200_000
			})
		]
	}
});

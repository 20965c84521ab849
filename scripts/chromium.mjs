import { existsSync } from 'node:fs';

/** Flags that give headless Chromium a WebGPU adapter without a GPU (SwiftShader) and keep it off the network. */
export const chromiumArgs = [
	'--no-sandbox',
	'--enable-unsafe-webgpu',
	'--use-webgpu-adapter=swiftshader',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync'
];

const installed = [
	'/usr/bin/chromium',
	'/usr/bin/chromium-browser',
	'/usr/bin/google-chrome',
	'/usr/bin/google-chrome-stable',
	'/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
];

/**
 * Path of the Chromium to test in: `CHROMIUM_PATH`, else an installed one, else undefined (Playwright's own).
 * @returns {string | undefined}
 */
export function findChromium() {
	const chosen = process.env.CHROMIUM_PATH;
	if (chosen) {
		if (!existsSync(chosen)) throw new Error(`CHROMIUM_PATH names ${chosen}, which does not exist.`);
		return chosen;
	}
	return installed.find((path) => existsSync(path));
}

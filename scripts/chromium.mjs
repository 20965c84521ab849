import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { SetupError, run, runTool } from './setup.mjs';

/** Flags that give headless Chromium a WebGPU adapter without a GPU (SwiftShader) and keep it off the network. */
export const chromiumArgs = [
	'--no-sandbox',
	'--enable-unsafe-webgpu',
	'--use-webgpu-adapter=swiftshader',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync'
];

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome.exe'];

/** Folders outside the path where browsers are installed. */
const folders = [
	'/usr/bin',
	'/snap/bin',
	'/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
	'/Applications/Chromium.app/Contents/MacOS/Chromium',
	...['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((variable) => {
		const base = process.env[variable];
		return base ? [join(base, 'Google', 'Chrome', 'Application')] : [];
	})
];

/**
 * Path of the Chromium to test in: `CHROMIUM_PATH`, else an installed one, else the one Playwright has fetched.
 * @returns {string | undefined} undefined when there is none
 */
export function findChromium() {
	const chosen = process.env.CHROMIUM_PATH;
	if (chosen) {
		if (!existsSync(chosen)) throw new SetupError(`CHROMIUM_PATH names ${chosen}, which does not exist.`);
		return chosen;
	}
	const places = [...(process.env.PATH ?? '').split(delimiter), ...folders];
	const candidates = places.flatMap((place) =>
		place.endsWith('Chrome') || place.endsWith('Chromium') ? [place] : names.map((name) => join(place, name))
	);
	const own = playwrightChromium();
	return candidates.find((path) => existsSync(path)) ?? (own && existsSync(own) ? own : undefined);
}

/** apt-get asks nothing. */
export const quietApt = { DEBIAN_FRONTEND: 'noninteractive' };

/**
 * Where Playwright keeps its Chromium, whether or not it is there.
 * @returns {string | undefined}
 */
function playwrightChromium() {
	try {
		const { chromium } = /** @type {typeof import('playwright')} */ (
			createRequire(import.meta.url)('playwright')
		);
		return chromium.executablePath();
	} catch {
		return undefined;
	}
}

/**
 * Whether the browser starts: a fetched one may lack libraries of the system.
 * @param {string} path
 */
function starts(path) {
	return spawnSync(path, ['--version'], { timeout: 30_000, stdio: 'ignore' }).status === 0;
}

/** Debian and its derivatives, where apt-get may be used without asking. */
export function canUseApt() {
	return existsSync('/etc/debian_version') && process.getuid?.() === 0;
}

/**
 * Finds Chromium or installs it: with Playwright, else on Debian as root with apt.
 * @returns {Promise<string>} path of the browser
 */
export async function ensureChromium() {
	const found = findChromium();
	if (found && starts(found)) return found;
	if (found && process.env.CHROMIUM_PATH)
		throw new SetupError(`CHROMIUM_PATH names ${found}, which does not start.`);

	console.log('No Chromium found; trying Playwright …');
	// Where its download server is out of reach this fails within seconds, and apt may do.
	const fetched = await runTool('playwright/cli.js', ['install', 'chromium'], {
		env: { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '10000' },
		stdio: 'ignore',
		timeout: 300_000
	});
	const own = playwrightChromium();
	if (own && existsSync(own)) {
		if (starts(own)) return own;
		if (canUseApt()) await runTool('playwright/cli.js', ['install-deps', 'chromium'], { env: quietApt });
		if (starts(own)) return own;
	}
	console.log(fetched === 0 ? 'Its Chromium does not start here.' : 'It could not fetch Chromium.');

	if (canUseApt()) {
		console.log('Trying apt-get …');
		await run('apt-get', ['update', '-qq'], { env: quietApt });
		await run(
			'apt-get',
			[
				'install',
				'-y',
				'-qq',
				'--no-install-recommends',
				'chromium',
				'mesa-vulkan-drivers',
				'fonts-liberation'
			],
			{
				env: quietApt
			}
		);
		const path = findChromium();
		if (path && starts(path)) return path;
	}
	throw new SetupError(
		'No Chromium to test in. Install Chromium or Chrome, or name one in the environment variable CHROMIUM_PATH' +
			' (on Debian: apt-get install chromium mesa-vulkan-drivers fonts-liberation, as root).'
	);
}

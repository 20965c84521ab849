/**
 * The browsers beside Chromium that the workbench is tried in, as their makers give them out: Debian's Firefox, which speaks
 * WebDriver BiDi itself, and WebKitGTK with its driver on a display without a screen.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { canUseApt, quietApt } from './chromium.mjs';
import { run } from './setup.mjs';

/**
 * @typedef {{ name: string, programs: readonly string[], packages: readonly string[] }} StockBrowser
 *   `programs`: the first is what is started; one of the names of each that are separated by `|` will do.
 */

/** @type {Readonly<Record<'firefox' | 'webkit', StockBrowser>>} */
export const stockBrowsers = {
	firefox: { name: 'Firefox', programs: ['firefox-esr|firefox'], packages: ['firefox-esr'] },
	webkit: {
		name: 'WebKitGTK',
		programs: ['WebKitWebDriver', 'Xvfb'],
		packages: ['webkit2gtk-driver', 'xvfb']
	}
};

/**
 * @param {string} program
 * @returns {string | undefined}
 */
function find(program) {
	const folders = (process.env.PATH ?? '').split(delimiter);
	return program
		.split('|')
		.flatMap((name) => folders.map((folder) => join(folder, name)))
		.find((path) => existsSync(path));
}

/**
 * Path of the program that is started for a browser.
 * @param {StockBrowser} browser
 * @returns {string | undefined} undefined when it, or another that it needs, is not on the path
 */
export function findStock({ programs }) {
	const found = programs.map(find);
	return found.every((path) => path !== undefined) ? found[0] : undefined;
}

const missing = () => Object.values(stockBrowsers).filter((browser) => !findStock(browser));

/** Installs with apt what is missing, on Debian as root; elsewhere does nothing. */
export async function installStock() {
	const packages = missing().flatMap((browser) => browser.packages);
	if (packages.length === 0 || !canUseApt()) return;
	console.log(`Installing ${packages.join(', ')} with apt-get …`);
	await run('apt-get', ['update', '-qq'], { env: quietApt });
	await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env: quietApt });
}

/** @returns {readonly string[]} a sentence for each browser that is not on this machine: why, and what to do */
export function missingStock() {
	const why = canUseApt() ? 'apt-get did not install it' : 'only on Debian, as root, is it installed for you';
	return missing().map(
		({ name, packages }) =>
			`${name} was not tried: it is not on this machine, and ${why} (apt-get install ${packages.join(' ')}).`
	);
}

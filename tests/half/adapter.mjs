/**
 * Makes a Chromium whose WebGPU adapter has half precision (shader-f16) without a GPU: Mesa's llvmpipe of Debian's backports under the
 * name of SwiftShader, which Chromium's own software adapter lacks it in. Nothing of the system is changed.
 *
 *   node tests/half/adapter.mjs DIR
 *
 * For Debian on x86-64, as root, with Chromium, gcc and libvulkan-dev; needs 100 MB of downloads through the machine's own apt sources.
 */
import { execFileSync } from 'node:child_process';
import {
	chmodSync,
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	realpathSync,
	writeFileSync
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';
import { SetupError } from '../../scripts/setup.mjs';

const packages = ['mesa-vulkan-drivers', 'libdrm2', 'libdrm-amdgpu1'];
const loader = '/usr/lib/x86_64-linux-gnu/libvulkan.so.1';

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
function run(command, args, cwd) {
	try {
		return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
	} catch (error) {
		const { stderr, message } = /** @type {Error & { stderr?: string }} */ (error);
		throw new SetupError(`${command} failed: ${(stderr || message).trim().split('\n').at(-1)}`);
	}
}

/** @param {boolean} there @param {string} sentence */
function need(there, sentence) {
	if (!there) throw new SetupError(sentence);
}

/** Debian's name, e.g. bookworm. */
function codename() {
	const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
	const name = /^VERSION_CODENAME=(\w+)/m.exec(release)?.[1];
	need(
		/^ID=debian$/m.test(release) && name !== undefined,
		'This is made for Debian, which this system is not.'
	);
	return /** @type {string} */ (name);
}

/**
 * The machine's own sources of the release, with the suite replaced by its backports, in the format of sources.list.
 * @param {string} release
 */
function backports(release) {
	const folder = '/etc/apt/sources.list.d';
	const files = [
		'/etc/apt/sources.list',
		...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])
	].filter((path) => existsSync(path));
	/** @type {string[]} */
	const lines = [];
	/** @param {string} uri @param {string} [options] */
	const add = (uri, options = '') => lines.push(`deb ${options}${uri} ${release}-backports main`);
	for (const path of files) {
		const text = readFileSync(path, 'utf8').replace(/^#.*\n?/gm, '');
		if (path.endsWith('.sources'))
			for (const stanza of text.split(/\n\s*\n/)) {
				/** @param {string} name */
				const field = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'mi').exec(stanza)?.[1]?.trim();
				const key = field('Signed-By');
				if (field('Suites')?.split(/\s+/).includes(release) && field('Types')?.includes('deb'))
					for (const uri of (field('URIs') ?? '').split(/\s+/)) add(uri, key ? `[signed-by=${key}] ` : '');
			}
		else if (path.endsWith('.list'))
			for (const [, options = '', uri = '', suite] of text.matchAll(/^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)/gm))
				if (suite === release) add(uri, options);
	}
	need(lines.length > 0, `No apt source of this machine offers ${release}; add one, and apt-get update.`);
	return `${[...new Set(lines)].join('\n')}\n`;
}

/** The folder of the browser, with its software adapter. */
function chromiumFolder() {
	const path = findChromium();
	need(path !== undefined, 'There is no Chromium here; install it (apt-get install chromium).');
	const real = realpathSync(/** @type {string} */ (path));
	// Debian's /usr/bin/chromium is a script that starts the one in /usr/lib.
	const folder = [dirname(real), '/usr/lib/chromium'].find((place) =>
		existsSync(join(place, 'libvk_swiftshader.so'))
	);
	need(folder !== undefined, `${path} comes without libvk_swiftshader.so, in whose place the adapter goes.`);
	const from = /** @type {string} */ (folder);
	const binary = ['chromium', 'chrome', 'headless_shell'].find((name) => existsSync(join(from, name)));
	need(binary !== undefined, `${from} holds no browser.`);
	return { from, binary: /** @type {string} */ (binary) };
}

/** @param {string} folder */
async function make(folder) {
	need(process.platform === 'linux' && process.arch === 'x64', 'This is made for Linux on x86-64.');
	need(process.getuid?.() === 0, 'apt-get needs root; run this as root (it installs nothing).');
	const tools =
		existsSync('/usr/bin/gcc') && existsSync('/usr/include/vulkan/vulkan.h') && existsSync(loader);
	need(tools, 'gcc and the headers of Vulkan are missing: apt-get install gcc libc6-dev libvulkan-dev.');
	const release = codename();
	const { from, binary } = chromiumFolder();
	need(!existsSync(join(folder, 'chromium')), `${folder} holds such a browser already; give another folder.`);
	for (const name of ['apt/lists/partial', 'apt/cache/archives/partial', 'debs', 'mesa'])
		mkdirSync(join(folder, name), { recursive: true });

	console.log(`Mesa of ${release}-backports …`);
	writeFileSync(join(folder, 'apt/sources.list'), backports(release));
	const apt = [
		`Dir::Etc::SourceList=${join(folder, 'apt/sources.list')}`,
		'Dir::Etc::SourceParts=/dev/null',
		`Dir::State::Lists=${join(folder, 'apt/lists')}`,
		`Dir::Cache=${join(folder, 'apt/cache')}`,
		'APT::Sandbox::User=root'
	].flatMap((option) => ['-o', option]);
	run('apt-get', [...apt, '-qq', 'update']);
	const wanted = packages.map((name) => `${name}/${release}-backports`);
	run('apt-get', [...apt, '-qq', 'download', ...wanted], join(folder, 'debs'));
	for (const deb of readdirSync(join(folder, 'debs')))
		run('dpkg-deb', ['-x', join(folder, 'debs', deb), join(folder, 'mesa')]);
	const libraries = join(folder, 'mesa/usr/lib/x86_64-linux-gnu');
	const driver = join(libraries, 'libvulkan_lvp.so');
	const missing = run('env', [`LD_LIBRARY_PATH=${libraries}`, 'ldd', driver])
		.split('\n')
		.filter((line) => line.includes('not found'))
		.map((line) => line.trim().split(' ')[0]);
	need(
		missing.length === 0,
		`Mesa needs ${missing.join(', ')}: apt-get install mesa-vulkan-drivers, which brings them.`
	);

	console.log('The shim …');
	const shim = join(folder, 'libshim.so');
	run('gcc', ['-shared', '-fPIC', '-O2', '-o', shim, join(import.meta.dirname, 'shim.c'), '-ldl']);
	const icd = join(folder, 'shim.json');
	writeFileSync(
		icd,
		JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: shim, api_version: '1.3.0' } })
	);

	console.log(`A copy of ${from} …`);
	const copy = join(folder, 'browser');
	cpSync(from, copy, { recursive: true, verbatimSymlinks: true });
	// What Chromium loads as SwiftShader is the system's loader, which goes on to the shim.
	copyFileSync(loader, join(copy, 'libvk_swiftshader.so'));
	const wrapper = join(folder, 'chromium');
	const environment = {
		HONEYBEE_VULKAN_DRIVER: driver,
		VK_DRIVER_FILES: icd,
		VK_ICD_FILENAMES: icd,
		LD_LIBRARY_PATH: libraries
	};
	const exports = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`);
	// The driver is compiled for this processor as it runs, which the sandbox of the GPU's process does not let it.
	writeFileSync(
		wrapper,
		['#!/bin/sh', ...exports, `exec '${join(copy, binary)}' --disable-gpu-sandbox "$@"`, ''].join('\n')
	);
	chmodSync(wrapper, 0o755);

	console.log(`${await adapterOf(wrapper)}\n\nCHROMIUM_PATH=${wrapper} npm run test:half`);
}

/**
 * What the browser's WebGPU says of itself.
 * @param {string} executablePath
 */
async function adapterOf(executablePath) {
	const { chromium } = await import('playwright');
	const browser = await chromium.launch({ executablePath, args: chromiumArgs });
	try {
		const page = await browser.newPage();
		// WebGPU is for secure contexts only.
		await page.route('https://adapter.test/', (route) =>
			route.fulfill({ contentType: 'text/html', body: '<!doctype html>' })
		);
		await page.goto('https://adapter.test/');
		const adapter = await page.evaluate(async () => {
			const found = await navigator.gpu?.requestAdapter();
			return found && { half: found.features.has('shader-f16'), subgroups: found.info.subgroupMaxSize };
		});
		if (!adapter?.half)
			throw new SetupError(
				adapter
					? 'The adapter of the new browser has no shader-f16.'
					: 'The new browser has no WebGPU adapter.'
			);
		return `Its adapter has shader-f16, and subgroups of ${adapter.subgroups}.`;
	} finally {
		await browser.close();
	}
}

const [folder, ...rest] = process.argv.slice(2);
try {
	need(
		folder !== undefined && rest.length === 0,
		'Give the folder to make the browser in: node tests/half/adapter.mjs DIR'
	);
	await make(resolve(/** @type {string} */ (folder)));
} catch (error) {
	console.error(error instanceof SetupError ? error.message : error);
	process.exitCode = 1;
}

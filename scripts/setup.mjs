/**
 * What `npm start` and `npm test` share: installing packages, building, running tools.
 * Runs on the system's Node (20 or later) before anything is installed, so it uses nothing but Node itself.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');

/** An error whose message is a whole sentence for the user; printed without a stack. */
export class SetupError extends Error {}

/**
 * Environment for the tools: the project's own Node and tools come first on the path, and
 * onnxruntime-node does not fetch GPU libraries from outside the package registry while it is installed.
 * @param {NodeJS.ProcessEnv} [extra]
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnv(extra = {}) {
	return {
		...process.env,
		PATH: [bin, process.env.PATH ?? ''].join(delimiter),
		ONNXRUNTIME_NODE_INSTALL: process.env.ONNXRUNTIME_NODE_INSTALL ?? 'skip',
		...extra
	};
}

/**
 * Runs a program in the project's root and waits for it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, stdio?: import('node:child_process').StdioOptions, timeout?: number, onText?: (text: string) => void, onStart?: (pid: number) => void }} [options]
 *   `timeout` in milliseconds; `onText` gets what would be shown, in place of the terminal.
 * @returns {Promise<number>} exit code; 127 when there is no such program, 124 when it ran into the timeout
 */
export function run(command, args, { env, stdio, timeout, onText, onStart } = {}) {
	watchSignals();
	return new Promise((resolve) => {
		let timedOut = false;
		const shown = onText ? 'pipe' : 'inherit';
		const child = spawn(command, args, {
			cwd: root,
			env: toolEnv(env),
			stdio: stdio ?? ['ignore', shown, shown]
		});
		if (onText)
			for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', onText);
		if (child.pid !== undefined) onStart?.(child.pid);
		running.add(child);
		const timer = timeout
			? setTimeout(() => {
					timedOut = true;
					child.kill('SIGKILL');
				}, timeout)
			: undefined;
		/** @param {number} code */
		const end = (code) => {
			running.delete(child);
			clearTimeout(timer);
			resolve(code);
		};
		child.on('error', () => end(127));
		child.on('close', (code, signal) => {
			if (signal && !timedOut) console.error(`${basename(command)} was ended by ${signal}.`);
			end(timedOut ? 124 : (code ?? 1));
		});
	});
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

let watching = false;

/** Whoever ends this process ends what it runs, servers and browsers included. */
function watchSignals() {
	if (watching) return;
	watching = true;
	for (const [signal, number] of /** @type {const} */ ([
		['SIGINT', 2],
		['SIGTERM', 15],
		['SIGHUP', 1]
	]))
		process.on(signal, () => {
			// The test runners tidy up on an interrupt only.
			for (const child of running) {
				child.on('close', () => running.size === 0 && process.exit(128 + number));
				child.kill('SIGINT');
			}
			if (running.size === 0) process.exit(128 + number);
			setTimeout(() => process.exit(128 + number), 15_000).unref();
		});
}

/**
 * Runs a JavaScript tool of an installed package with the project's own Node.
 * @param {string} script path below node_modules, e.g. `vite/bin/vite.js`
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function runTool(script, args, options) {
	return run(nodePath(), [join(root, 'node_modules', script), ...args], options);
}

/** The Node that runs the tools: the one among the packages, else the one that runs this. */
export function nodePath() {
	const own = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
	return existsSync(own) ? own : process.execPath;
}

/**
 * Whether node_modules holds exactly the versions of the lock file. npm writes `.package-lock.json` as the last
 * step of an installation, so an interrupted one does not count.
 */
export function installed() {
	const lock = readPackages(join(root, 'package-lock.json'));
	const here = readPackages(join(root, 'node_modules', '.package-lock.json'));
	if (!lock || !here || !existsSync(nodePath())) return false;
	return Object.entries(lock).every(([path, { version, optional }]) => {
		if (path === '') return true;
		return here[path] ? here[path].version === version : optional === true;
	});
}

/** @typedef {{ packages: Record<string, { version?: string, optional?: boolean }> }} Lock */

/** @param {string} file */
function readPackages(file) {
	try {
		return /** @type {Lock} */ (JSON.parse(readFileSync(file, 'utf8'))).packages;
	} catch {
		return undefined;
	}
}

/** Installs the packages of the lock file when node_modules lacks any of them. */
export async function install() {
	if (installed()) return;
	console.log('Installing packages (once) …');
	// Under `npm start` and `npm test` this is the npm that runs them; it is a JavaScript file.
	const npm = process.env.npm_execpath;
	// Without warnings, most of which are about packages that run on the project's own Node instead of this one.
	const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
	const code = npm?.endsWith('.js')
		? await run(process.execPath, [npm, ...args])
		: await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args);
	if (code === 127) throw new SetupError('npm was not found. Install Node 20 or later together with npm.');
	if (code !== 0)
		throw new SetupError(
			`"npm ci" failed with exit code ${code}; its own message is above. Check the network and the free disk space, then try again.`
		);
	await requireNode();
}

/** SvelteKit and the type stripping that the command line uses need a Node newer than the system's may be. */
async function requireNode() {
	const check =
		'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 18) ? 0 : 1)';
	if ((await run(nodePath(), ['-e', check])) !== 0)
		throw new SetupError(
			'The packages hold no Node for this machine and the installed one is too old. Install Node 22.18 or later.'
		);
}

const buildInputs = [
	'src',
	'static',
	'scripts/notebook-frame.mjs',
	'package-lock.json',
	'svelte.config.js',
	'vite.config.ts',
	'vite.cli.config.ts',
	'tsconfig.json'
];
const buildStamp = join(root, 'node_modules', '.cache', 'honeybee-build');

/** Path, size and time of every file that the build reads, as one hash. */
function buildHash() {
	const hash = createHash('sha256');
	/** @param {string} path */
	const add = (path) => {
		const stat = statSync(path);
		if (stat.isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
		else hash.update(`${relative(root, path)}\0${stat.size}\0${stat.mtimeMs}\n`);
	};
	for (const input of buildInputs) if (existsSync(join(root, input))) add(join(root, input));
	return hash.digest('hex');
}

/**
 * Builds the workbench and the command line when sources have changed since the last time.
 * @param {Pick<NonNullable<Parameters<typeof run>[2]>, 'onText' | 'onStart'>} [options]
 */
export async function build(options) {
	const hash = buildHash();
	const made = existsSync(join(root, 'build', 'index.html'));
	if (made && existsSync(buildStamp) && readFileSync(buildStamp, 'utf8') === hash) return;
	console.log('Building …');
	rmSync(buildStamp, { force: true });
	for (const config of ['vite.config.ts', 'vite.cli.config.ts']) {
		const code = await runTool(
			'vite/bin/vite.js',
			['build', '--logLevel', 'warn', '--config', config],
			options
		);
		if (code !== 0)
			throw new SetupError(
				`Building failed with exit code ${code}; the reason is above. "npm run check" tells more.`
			);
	}
	mkdirSync(dirname(buildStamp), { recursive: true });
	writeFileSync(buildStamp, hash);
}

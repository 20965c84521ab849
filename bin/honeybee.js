#!/usr/bin/env node
// Starts the command line: from source in a checkout, from dist/ in an installed package.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'src/cli/main.ts');
const built = join(root, 'dist/cli/main.js');

/** Node 22.18 is the first that runs TypeScript without a flag. */
function runsTypeScript() {
	const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
	return major > 22 || (major === 22 && minor >= 18);
}

/** @param {string} file */
async function start(file) {
	// Compiled code is kept in the system's folder for temporary files: every later start takes half the time. Since Node 22.1.
	modules.enableCompileCache?.();
	const { main } = await import(pathToFileURL(file).href);
	process.exitCode = await main(process.argv.slice(2));
}

/**
 * The dependency `node` brings a Node that is new enough.
 * @returns {number}
 */
function startWithNewerNode() {
	const node = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
	if (!existsSync(node)) {
		process.stderr.write(
			`honeybee: running from source needs Node 22.18 or later (this is ${process.versions.node}); run "npm install" in ${root} first.\n`
		);
		return 1;
	}
	// Ctrl-C reaches the child as well; this process waits for what it makes of it.
	process.on('SIGINT', () => {});
	const child = spawnSync(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
		stdio: 'inherit'
	});
	return child.status ?? 1;
}

if (!existsSync(source)) await start(built);
else if (runsTypeScript()) await start(source);
else process.exitCode = startWithNewerNode();

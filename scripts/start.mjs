/** `npm start`: installs and builds what is missing, then serves the workbench. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError, build, install, root } from './setup.mjs';

const usage = `Usage: npm start -- [--port N] [--host NAME]

  --port N     port to serve on (4173, or the next free one)
  --host NAME  address to serve on (localhost; 0.0.0.0 for the whole network)`;

const firstPort = 4173;
const lastPort = 4223;

/** @param {string[]} args */
function readOptions(args) {
	let values;
	try {
		({ values } = parseArgs({
			args,
			options: {
				port: { type: 'string' },
				host: { type: 'string', default: 'localhost' },
				help: { type: 'boolean', short: 'h', default: false }
			}
		}));
	} catch (error) {
		throw new SetupError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
	}
	const port = values.port === undefined ? undefined : Number(values.port);
	if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65536))
		throw new SetupError(`--port takes a number from 1 to 65535, not "${values.port}".`);
	return { port, host: values.host, help: values.help };
}

/**
 * Serves on the port asked for, or on the first free one.
 * @param {number | undefined} wanted
 * @param {string} host
 * @returns {Promise<number>} the port
 */
async function listen(wanted, host) {
	// It uses a package, which may have been installed just now.
	const { serve } = await import('./serve.mjs');
	for (let port = wanted ?? firstPort; port <= (wanted ?? lastPort); port++) {
		try {
			await serve({ folder: join(root, 'build'), port, host });
			return port;
		} catch (error) {
			const code = error instanceof Error && 'code' in error ? error.code : undefined;
			if (code === 'EACCES')
				throw new SetupError(`Port ${port} needs rights you do not have. Choose one above 1023.`);
			if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
				throw new SetupError(
					`This machine has no address "${host}" to serve on. Choose another with --host.`
				);
			if (code !== 'EADDRINUSE') throw error;
		}
	}
	throw new SetupError(
		wanted === undefined
			? `Ports ${firstPort} to ${lastPort} are all in use. Choose another with --port.`
			: `Port ${wanted} is in use. Stop the program that uses it or choose another with --port.`
	);
}

async function main() {
	const options = readOptions(process.argv.slice(2));
	if (options.help) return console.log(usage);
	await install();
	await build();
	const port = await listen(options.port, options.host);
	const shown = ['0.0.0.0', '::'].includes(options.host) ? 'localhost' : options.host;
	console.log(`Honeybee workbench: http://${shown.includes(':') ? `[${shown}]` : shown}:${port}/`);
	console.log('Stop it with Ctrl+C.');
}

main().catch((error) => {
	console.error(error instanceof SetupError ? error.message : error);
	process.exit(1);
});

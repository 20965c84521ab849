import { globSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { build, type Plugin, type Rolldown } from 'vite';

/** Where bundles lie on the test server. */
const HOME = '/bundled-workers/';

/** What tests start as workers, the workbench's own among them. */
const SOURCES = ['src/workers/**/*.worker.ts', 'tests/browser/**/*.worker.ts'];

const TYPES: Readonly<Record<string, string>> = {
	'.js': 'text/javascript',
	'.mjs': 'text/javascript',
	'.wasm': 'application/wasm'
};

type Output = Rolldown.OutputChunk | Rolldown.OutputAsset;

/**
 * Gives workers in bundles, as the built workbench has them, made when the first is started. The test server would be asked for each of some
 * two hundred modules by every worker, and tests start hundreds of workers.
 */
export function bundledWorkers(): Plugin {
	return {
		name: 'bundled-workers',
		configureServer({ config: { root, server, logger }, middlewares }) {
			// Where files are watched, sources change under the bundles.
			if (server.watch !== null) return;
			const sources = new Set(SOURCES.flatMap((pattern) => globSync(pattern, { cwd: root })));
			let bundles: Promise<Map<string, Output>> | undefined;

			async function answer(path: string): Promise<{ type: string; body: string | Uint8Array } | undefined> {
				const files = await (bundles ??= bundle(root, [...sources]));
				if (path.startsWith(HOME)) {
					const file = files.get(path.slice(HOME.length));
					const type = TYPES[extname(path)] ?? 'application/octet-stream';
					return file && { type, body: file.type === 'chunk' ? file.code : file.source };
				}
				const entry = [...files.values()].find(
					(file) => file.type === 'chunk' && file.isEntry && file.facadeModuleId === join(root, path)
				);
				// The bundle lies where what it imports does.
				return entry && { type: TYPES['.js']!, body: `import ${JSON.stringify(HOME + entry.fileName)};` };
			}

			middlewares.use((request, response, next) => {
				const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host');
				const started = searchParams.has('worker_file') && sources.has(pathname.slice(1));
				if (!started && !pathname.startsWith(HOME)) return next();
				answer(pathname).then(
					(found) => {
						if (!found) return void response.writeHead(404).end();
						response.writeHead(200, { ...server.headers, 'Content-Type': found.type }).end(found.body);
					},
					(error: unknown) => {
						logger.error(`The workers of the tests cannot be bundled. ${String(error)}`);
						response.writeHead(500).end();
					}
				);
			});
		}
	};
}

async function bundle(root: string, sources: readonly string[]): Promise<Map<string, Output>> {
	const made = await build({
		root,
		configFile: false,
		logLevel: 'warn',
		base: HOME,
		publicDir: false,
		worker: { format: 'es' },
		build: {
			write: false,
			target: 'esnext',
			minify: false,
			modulePreload: false,
			rolldownOptions: {
				input: Object.fromEntries(
					sources.map((source, index) => [`${index}-${basename(source, '.worker.ts')}`, join(root, source)])
				),
				checks: { bundlerTimings: false }
			}
		}
	});
	const outputs = [made].flat().flatMap((one) => ('output' in one ? one.output : []));
	return new Map(outputs.map((output) => [output.fileName, output]));
}

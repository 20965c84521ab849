/** Builds the notebook's sandboxed frame: one HTML file with everything inside, since it may fetch nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { root } from './setup.mjs';

const folder = join(root, 'src/lib/notebook/frame');
export const frameFile = 'notebook-frame.html';

/** The frame's own policy: its script, images inside it, and nothing from anywhere. */
const policy = [
	"default-src 'none'",
	"script-src 'unsafe-inline' 'unsafe-eval'",
	"style-src 'unsafe-inline'",
	'img-src data: blob:',
	'media-src data: blob:',
	'font-src data:',
	"connect-src 'none'",
	"form-action 'none'",
	"base-uri 'none'"
].join('; ');

/** @param {boolean} minify */
async function frameHtml(minify) {
	const result = await build({
		configFile: false,
		root,
		logLevel: 'error',
		publicDir: false,
		define: { 'process.env.NODE_ENV': '"production"' },
		build: {
			write: false,
			minify,
			lib: { entry: join(folder, 'main.ts'), formats: ['iife'], name: 'notebookFrame' },
			rollupOptions: {
				// Packages run nothing of their own when they are loaded; what is not used stays out.
				treeshake: { moduleSideEffects: (id) => !/\/@observablehq\/notebook-kit\//.test(id) }
			}
		}
	});
	const [built] = /** @type {{ output: { type: string, code?: string }[] }[]} */ (
		Array.isArray(result) ? result : [result]
	);
	const code = built?.output.find(({ type }) => type === 'chunk')?.code ?? '';
	const style = readFileSync(join(folder, 'style.css'), 'utf8');
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Notebook</title>
<style>${style}</style>
</head>
<body>
<main aria-label="Cells of the notebook"></main>
<script>${code.replace(/<\/(script)/gi, '<\\/$1').replace(/<!--/g, '<\\!--')}</script>
</body>
</html>
`;
}

/** @returns {import('vite').Plugin} */
export function notebookFrame() {
	/** @type {Promise<string> | undefined} */
	let made;
	return {
		name: 'notebook-frame',
		configureServer(server) {
			server.watcher.on('change', (path) => {
				if (/src\/lib\/(notebook|viz|analysis)\//.test(path)) made = undefined;
			});
			server.middlewares.use(`/${frameFile}`, (_request, response, next) => {
				made ??= frameHtml(false);
				made.then(
					(html) => {
						response.setHeader('Content-Type', 'text/html; charset=utf-8');
						response.end(html);
					},
					(error) => {
						made = undefined;
						next(error);
					}
				);
			});
		},
		async generateBundle() {
			if (this.environment.name !== 'client') return;
			this.emitFile({ type: 'asset', fileName: frameFile, source: await frameHtml(true) });
		}
	};
}

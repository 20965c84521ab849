/** Builds the notebook's sandboxed frame: one HTML file with everything inside, since it may fetch nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
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
	const code = await bundle(join(folder, 'main.ts'), minify);
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
<script>${code}</script>
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

/** Builds the notebook's sandboxed frame: one HTML file with everything inside, since it may fetch nothing. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { savedNotebookEntry } from './saved-page.mjs';
import { frameFile, frameHeaders } from './serve.mjs';
import { root } from './setup.mjs';

const folder = join(root, 'src/lib/notebook/frame');

/**
 * What `htl`, with which Observable Inputs makes its elements, writes for a moment where a handler will be: no script, but checked as one.
 * Templates of more values work, too, with a note of the browser.
 */
const placeholders = Array.from({ length: 32 }, (_, i) => `::${i}`);

/** @param {readonly string[]} texts */
const hashes = (texts) =>
	texts.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`).join(' ');

/**
 * The frame's own policy: its scripts, images inside it, and nothing from anywhere. Cells are evaluated; no other script runs, so that no
 * frame within the frame has one either.
 * @param {readonly string[]} scripts their code
 */
const policyFor = (scripts) =>
	[
		"default-src 'none'",
		`script-src 'unsafe-eval' ${hashes(scripts)}`,
		`script-src-attr 'unsafe-hashes' ${hashes(placeholders)}`,
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
	// Of a saved notebook, which is this frame with its answers (`src/routes/notebook/saved-notebook.ts`).
	const saved = await bundle(savedNotebookEntry, minify);
	const style = readFileSync(join(folder, 'style.css'), 'utf8');
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyFor([code, saved])}">
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
						for (const [name, value] of Object.entries(frameHeaders)) response.setHeader(name, value);
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

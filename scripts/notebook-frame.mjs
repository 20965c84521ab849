/** Builds the notebook's sandboxed frame: one HTML file with everything inside, since it may fetch nothing. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { libraryFile, onDemand } from '../src/lib/notebook/libraries.ts';
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

/** The compiler is two thirds of what the frame would weigh, and comes when it is needed. */
const alias = { typescript: join(folder, 'typescript.ts') };

/** KaTeX's style with its fonts inside, in the one format that every browser reads. */
function katexStyle() {
	const sheet = fileURLToPath(import.meta.resolve('katex/dist/katex.min.css'));
	const fonts = join(dirname(sheet), 'fonts');
	return readFileSync(sheet, 'utf8').replace(/src:url\(fonts\/([\w-]+\.woff2)\)[^;}]*/g, (_, name) => {
		const data = readFileSync(join(fonts, name)).toString('base64');
		return `src:url(data:font/woff2;base64,${data}) format("woff2")`;
	});
}

/** @param {boolean} minify */
async function frameHtml(minify) {
	const code = await bundle(join(folder, 'main.ts'), minify, alias);
	// Of a saved notebook, which is this frame with its answers (`src/routes/notebook/saved-notebook.ts`).
	const saved = await bundle(savedNotebookEntry, minify);
	const style = readFileSync(join(folder, 'style.css'), 'utf8');
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyFor([code, saved])}">
<title>Notebook</title>
<style>${katexStyle()}</style>
<style>${style}</style>
</head>
<body>
<main aria-label="Cells of the notebook"></main>
<script>${code}</script>
</body>
</html>
`;
}

/** Code of the libraries that come when a cell needs them, by the file that the site has of each. */
const libraries = new Map(
	/** @type {(keyof typeof onDemand)[]} */ (Object.keys(onDemand)).map((name) => [
		libraryFile(name),
		/** @param {boolean} minify */ (minify) =>
			bundle(fileURLToPath(import.meta.resolve(onDemand[name])), minify)
	])
);

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
			for (const [file, code] of libraries)
				server.middlewares.use(`/${file}`, (_request, response, next) => {
					code(false).then((text) => {
						response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
						response.end(text);
					}, next);
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
			for (const [fileName, code] of libraries)
				this.emitFile({ type: 'asset', fileName, source: await code(true) });
		}
	};
}

/** Serves the built workbench: static files, converted models, and the headers that a page with WASM threads needs. */
import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { root } from './setup.mjs';

/** @typedef {{ path: string, stat: import('node:fs').Stats }} ServedFile */

/** Where a user's own converted models lie; outside of what is built, since they are gigabytes. */
const modelsFolder = join(root, 'models');

/** @type {Readonly<Record<string, string>>} */
const types = {
	'.css': 'text/css; charset=utf-8',
	'.html': 'text/html; charset=utf-8',
	'.ico': 'image/x-icon',
	'.jpg': 'image/jpeg',
	'.js': 'text/javascript; charset=utf-8',
	'.json': 'application/json; charset=utf-8',
	'.md': 'text/markdown; charset=utf-8',
	'.mjs': 'text/javascript; charset=utf-8',
	'.png': 'image/png',
	'.svg': 'image/svg+xml',
	'.txt': 'text/plain; charset=utf-8',
	'.wasm': 'application/wasm',
	'.webp': 'image/webp',
	'.woff2': 'font/woff2'
};

/** Only a cross-origin isolated page has SharedArrayBuffer, and so WASM threads. */
const isolation = {
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Embedder-Policy': 'require-corp',
	'Cross-Origin-Resource-Policy': 'same-origin'
};

/** The sandboxed frame of the notebook, below the site's root. */
export const frameFile = 'notebook-frame.html';

/** Browsers that know it let nothing out of the frame: no connection, no look-up of a name, no WebRTC, not even of its own address. */
export const frameHeaders = { 'Connection-Allowlist': '()' };

/**
 * A file below a folder.
 * @param {string} folder absolute
 * @param {string} pathname begins with a slash
 * @returns {ServedFile | undefined}
 */
function fileIn(folder, pathname) {
	const path = join(folder, pathname);
	if (!path.startsWith(folder + sep)) return undefined;
	const stat = statSync(path, { throwIfNoEntry: false });
	return stat?.isFile() ? { path, stat } : undefined;
}

/**
 * The file that answers a path: itself, or the one page of the workbench, whose routes are made in the browser.
 * @param {string} folder absolute
 * @param {string} pathname
 */
function resolveFile(folder, pathname) {
	const model = pathname.startsWith('/models/')
		? fileIn(modelsFolder, pathname.slice('/models'.length))
		: undefined;
	return fileIn(folder, pathname) ?? model ?? (extname(pathname) ? undefined : fileIn(folder, '/index.html'));
}

/**
 * `models/index.json`: what the site lists, and every model folder besides, so that a converted checkpoint needs no list.
 * @param {string} site folder of the site's own models
 */
export function modelIndex(site) {
	/** @type {{ models: { name: string }[] }} */
	let index = { models: [] };
	try {
		index = /** @type {typeof index} */ (JSON.parse(readFileSync(join(site, 'index.json'), 'utf8')));
	} catch (error) {
		if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
	}
	const names = new Set(index.models.map(({ name }) => name));
	for (const folder of [site, modelsFolder])
		for (const name of existsSync(folder) ? readdirSync(folder).sort() : [])
			if (existsSync(join(folder, name, 'honeybee.json'))) names.add(name);
	const models = [...names].map((name) => index.models.find((entry) => entry.name === name) ?? { name });
	return JSON.stringify({ ...index, models });
}

/**
 * Answers requests for models where the development server has its own way with everything else.
 * @param {string} site folder of the site's own models
 * @returns {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse, next: () => void) => void}
 *   mounted at `/models`
 */
export function modelsMiddleware(site) {
	return (request, response, next) => {
		const { pathname } = new URL(request.url ?? '/', 'http://localhost');
		const file = fileIn(modelsFolder, decodeURIComponent(pathname));
		if (pathname === '/index.json') sendIndex(response, site);
		else if (file) send(file, pathname, request, response);
		else next();
	};
}

/**
 * @param {string | undefined} header
 * @param {number} size
 * @returns {{ start: number, end: number } | 'unsatisfiable' | undefined} both ends included
 */
function parseRange(header, size) {
	const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
	if (!match || (!match[1] && !match[2])) return undefined;
	const start = match[1] ? Number(match[1]) : Math.max(0, size - Number(match[2]));
	const end = match[1] && match[2] ? Math.min(Number(match[2]), size - 1) : size - 1;
	return start > end || start >= size ? 'unsatisfiable' : { start, end };
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {string} text
 * @param {string} [type]
 */
function sendText(response, status, text, type = '.txt') {
	response
		.writeHead(status, { ...isolation, 'Content-Type': types[type], 'Cache-Control': 'no-cache' })
		.end(text);
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {string} site
 */
function sendIndex(response, site) {
	try {
		sendText(response, 200, modelIndex(site), '.json');
	} catch {
		sendText(response, 500, 'static/models/index.json cannot be read.\n');
	}
}

/**
 * @param {string} folder absolute
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
function respond(folder, request, response) {
	if (request.method !== 'GET' && request.method !== 'HEAD')
		return sendText(response, 405, 'Only GET and HEAD.\n');
	let pathname;
	try {
		pathname = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
	} catch {
		return sendText(response, 400, 'Not a path.\n');
	}
	if (pathname === '/models/index.json') return sendIndex(response, join(folder, 'models'));
	const file = pathname.includes('\0') ? undefined : resolveFile(folder, pathname);
	if (!file) return sendText(response, 404, `There is no ${pathname} here.\n`);
	send(file, pathname, request, response);
}

/**
 * @param {ServedFile} file
 * @param {string} pathname
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
function send({ path, stat }, pathname, request, response) {
	const etag = `"${stat.size.toString(36)}-${Math.round(stat.mtimeMs).toString(36)}"`;
	const headers = {
		...isolation,
		...(pathname === `/${frameFile}` ? frameHeaders : {}),
		'Content-Type': types[extname(path)] ?? 'application/octet-stream',
		'Accept-Ranges': 'bytes',
		// Names below _app/immutable hold a hash of the content; everything else is asked for again.
		'Cache-Control': pathname.startsWith('/_app/immutable/')
			? 'public, max-age=31536000, immutable'
			: 'no-cache',
		ETag: etag
	};
	if (request.headers['if-none-match'] === etag) {
		response.writeHead(304, headers).end();
		return;
	}
	const range = parseRange(request.headers.range, stat.size);
	if (range === 'unsatisfiable') {
		response.writeHead(416, { ...headers, 'Content-Range': `bytes */${stat.size}` }).end();
		return;
	}
	const { start, end } = range ?? { start: 0, end: stat.size - 1 };
	response.writeHead(range ? 206 : 200, {
		...headers,
		'Content-Length': end - start + 1,
		...(range ? { 'Content-Range': `bytes ${start}-${end}/${stat.size}` } : {})
	});
	if (request.method === 'HEAD' || stat.size === 0) response.end();
	else
		createReadStream(path, { start, end })
			.on('error', () => response.destroy())
			.pipe(response);
}

/**
 * @param {{ folder: string, port: number, host: string }} options
 * @returns {Promise<import('node:http').Server>} rejects with the system's error when it cannot listen
 */
export function serve({ folder, port, host }) {
	const server = createServer((request, response) => respond(folder, request, response));
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, host, () => resolve(server.off('error', reject)));
	});
}

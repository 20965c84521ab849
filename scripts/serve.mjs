/** Serves the built workbench: static files and the headers that a page with WASM threads needs. */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';

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

/**
 * The file that answers a path: itself, or the one page of the workbench, whose routes are made in the browser.
 * @param {string} folder
 * @param {string} pathname
 */
function resolveFile(folder, pathname) {
	const path = join(folder, pathname);
	if (!path.startsWith(folder + sep) && path !== folder) return undefined;
	const stat = statSync(path, { throwIfNoEntry: false });
	if (stat?.isFile()) return { path, stat };
	if (extname(pathname)) return undefined;
	const page = join(folder, 'index.html');
	return { path: page, stat: statSync(page) };
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
 * @param {string} folder absolute
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
function respond(folder, request, response) {
	/** @param {number} status @param {string} text */
	const plain = (status, text) =>
		response.writeHead(status, { ...isolation, 'Content-Type': types['.txt'] }).end(`${text}\n`);
	if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'Only GET and HEAD.');
	let pathname;
	try {
		pathname = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
	} catch {
		return plain(400, 'Not a path.');
	}
	const file = pathname.includes('\0') ? undefined : resolveFile(folder, pathname);
	if (!file) return plain(404, `There is no ${pathname} here.`);

	const { path, stat } = file;
	const etag = `"${stat.size.toString(36)}-${Math.round(stat.mtimeMs).toString(36)}"`;
	const headers = {
		...isolation,
		'Content-Type': types[extname(path)] ?? 'application/octet-stream',
		'Accept-Ranges': 'bytes',
		// Names below _app/immutable hold a hash of the content; everything else is asked for again.
		'Cache-Control': pathname.startsWith('/_app/immutable/')
			? 'public, max-age=31536000, immutable'
			: 'no-cache',
		ETag: etag
	};
	if (request.headers['if-none-match'] === etag) return response.writeHead(304, headers).end();
	const range = parseRange(request.headers.range, stat.size);
	if (range === 'unsatisfiable')
		return response.writeHead(416, { ...headers, 'Content-Range': `bytes */${stat.size}` }).end();
	const { start, end } = range ?? { start: 0, end: stat.size - 1 };
	response.writeHead(range ? 206 : 200, {
		...headers,
		'Content-Length': end - start + 1,
		...(range ? { 'Content-Range': `bytes ${start}-${end}/${stat.size}` } : {})
	});
	if (request.method === 'HEAD' || stat.size === 0) return response.end();
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

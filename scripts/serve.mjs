/** Serves the built workbench: static files, converted models, and the headers that a page with WASM threads needs. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import send from 'send';
import { root } from './setup.mjs';

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/** Where a user's own converted models lie; outside of what is built, since they are gigabytes. */
const modelsFolder = join(root, 'models');

/** Only a cross-origin isolated page has SharedArrayBuffer, and so WASM threads. */
const isolation = {
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Embedder-Policy': 'require-corp',
	'Cross-Origin-Resource-Policy': 'same-origin'
};

/** The sandboxed frame of the notebook, below the site's root. */
export const frameFile = 'notebook-frame.html';

/**
 * Browsers that know `Connection-Allowlist` let nothing out of the frame: no connection, no look-up of a name, no WebRTC, not even of its own
 * address. A sandboxed frame has no origin: Firefox holds it against `Cross-Origin-Resource-Policy: same-origin` and shows nothing. The file is
 * the same for everybody, so that others may have it.
 */
export const frameHeaders = {
	'Connection-Allowlist': '()',
	'Cross-Origin-Resource-Policy': 'cross-origin'
};

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
 * @returns {(request: Request, response: Response, next: () => void) => void} mounted at `/models`
 */
export function modelsMiddleware(site) {
	return (request, response, next) => {
		const { pathname } = new URL(request.url ?? '/', 'http://localhost');
		if (pathname === '/index.json') sendIndex(response, site);
		else sendFile(request, response, modelsFolder, pathname, next);
	};
}

/**
 * @param {Response} response
 * @param {number} status
 * @param {string} text
 * @param {string} [type]
 */
function sendText(response, status, text, type = 'text/plain') {
	const headers = { ...isolation, 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-cache' };
	response.writeHead(status, headers).end(text);
}

/**
 * @param {Response} response
 * @param {string} site
 */
function sendIndex(response, site) {
	try {
		sendText(response, 200, modelIndex(site), 'application/json');
	} catch {
		sendText(response, 500, 'static/models/index.json cannot be read.\n');
	}
}

/**
 * A file below a folder, or a part of it. `send` rather than sirv, which takes `bytes=0-0` for the whole file and `bytes=-2` for its beginning.
 * @param {Request} request
 * @param {Response} response
 * @param {string} folder absolute
 * @param {string} pathname as in the address, percent signs and all
 * @param {() => void} missing when there is none
 */
function sendFile(request, response, folder, pathname, missing) {
	for (const [name, value] of Object.entries({
		...isolation,
		...(pathname === `/${frameFile}` ? frameHeaders : {}),
		// Names below _app/immutable hold a hash of the content; everything else is asked for again.
		'Cache-Control': pathname.startsWith('/_app/immutable/')
			? 'public, max-age=31536000, immutable'
			: 'no-cache'
	}))
		response.setHeader(name, value);
	send(request, pathname, { root: folder, index: false, dotfiles: 'allow', cacheControl: false })
		.on('directory', missing)
		.on('error', (error) => {
			if (error.status === 416) response.writeHead(416).end();
			else if (error.status === 400 && !pathname.includes('%00')) sendText(response, 400, 'Not a path.\n');
			else missing();
		})
		.pipe(response);
}

/**
 * @param {string} folder absolute
 * @param {Request} request
 * @param {Response} response
 */
function respond(folder, request, response) {
	if (request.method !== 'GET' && request.method !== 'HEAD')
		return sendText(response, 405, 'Only GET and HEAD.\n');
	const { pathname } = new URL(request.url ?? '/', 'http://localhost');
	if (pathname === '/models/index.json') return sendIndex(response, join(folder, 'models'));
	const nothing = () => sendText(response, 404, `There is no ${pathname} here.\n`);
	// The one page of the workbench, whose routes are made in the browser.
	const page = () => {
		if (extname(pathname)) nothing();
		else sendFile(request, response, folder, '/index.html', nothing);
	};
	sendFile(request, response, folder, pathname, () => {
		if (pathname.startsWith('/models/'))
			sendFile(request, response, modelsFolder, pathname.slice('/models'.length), page);
		else page();
	});
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

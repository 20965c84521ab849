import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';

/** Where the host lies on the test server. */
export const MODEL_HOST = '/model-host';

/** One request for a file of a model, as the host saw it. */
export interface HostedRequest {
	readonly path: string;
	readonly range: string | undefined;
}

/**
 * A static host of model folders for tests, with the faults that hosts have. `PUT /model-host/file/<name>/<path>` puts a file there;
 * `GET /model-host/<how>/<name>/<path>` gives it:
 * `ranges` as it should be; `whole` without support of ranges; `cut-<n>` with the connection cut after n bytes of every response;
 * `once-<n>` without ranges and with the first response of every file cut after n bytes; `wrong-<path>` with one byte of that file
 * changed; `without-<path>`; `page-<path>` with the start page of an app in that file's place.
 * `GET /model-host/log` gives the requests since it was last asked.
 */
export function modelHost(): Plugin {
	const files = new Map<string, Buffer>();
	const cut = new Set<string>();
	let log: HostedRequest[] = [];

	async function put(path: string, request: IncomingMessage): Promise<void> {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		files.set(path, Buffer.concat(chunks));
	}

	function get(how: string, path: string, range: string | undefined, response: ServerResponse): void {
		const [fault, argument = ''] = /^([a-z]+)-?(.*)$/.exec(how)!.slice(1);
		const file = path.slice(path.indexOf('/') + 1);
		log.push({ path: file, range });
		let bytes = files.get(path);
		if (!bytes || (fault === 'without' && file === argument)) return void response.writeHead(404).end();
		if (fault === 'page' && file === argument) {
			response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>');
			return;
		}
		if (fault === 'wrong' && file === argument) {
			bytes = Buffer.from(bytes);
			bytes[bytes.length >> 1]! ^= 1;
		}
		const ranges = fault !== 'whole' && fault !== 'once';
		const from = ranges ? Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0) : 0;
		if (from >= bytes.length && from > 0) return void response.writeHead(416).end();
		const body = bytes.subarray(from);
		response.writeHead(from > 0 ? 206 : 200, {
			'content-type': 'application/octet-stream',
			'content-length': body.length,
			...(from > 0 && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` })
		});
		const most = fault === 'cut' || (fault === 'once' && !cut.has(path)) ? Number(argument) : Infinity;
		if (fault === 'once') cut.add(path);
		if (body.length <= most) return void response.end(body);
		response.write(body.subarray(0, most), () => setTimeout(() => response.destroy(), 20));
	}

	return {
		name: 'model-host',
		configureServer({ middlewares }) {
			middlewares.use(MODEL_HOST, (request, response) => {
				// What was asked for is counted: no answer comes from the browser's cache.
				response.setHeader('Cache-Control', 'no-store');
				const [how, ...rest] = new URL(request.url ?? '/', 'http://host').pathname.slice(1).split('/');
				const path = rest.map(decodeURIComponent).join('/');
				if (request.method === 'PUT') void put(path, request).then(() => response.end());
				else if (how === 'log') {
					response.setHeader('content-type', 'application/json');
					response.end(JSON.stringify(log));
					log = [];
					cut.clear();
				} else get(decodeURIComponent(how ?? ''), path, request.headers.range, response);
			});
		}
	};
}

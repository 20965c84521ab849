import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Files of a model by path. */
export type HubFiles = Readonly<Record<string, Uint8Array>>;

export interface HubServerOptions {
	/** By `owner/name`. */
	readonly models: Readonly<Record<string, HubFiles>>;
	/** Models that ask for their terms to be accepted, which this token has done. */
	readonly gated?: Readonly<Record<string, string>>;
	/** Called for every request; what it gives back is the answer. */
	readonly instead?: (request: IncomingMessage) => 'cut' | 'busy' | 'stall' | 'other bytes' | undefined;
}

/** Larger files are stored as Git LFS has them: their SHA-256 is known, and they come from another place. */
const LFS_FROM = 4096;
const PAGE = 3;
/** A token that no account has any more. */
export const EXPIRED = 'hf_expired';

/** The files of a folder on the disk. */
export function filesIn(folder: string): HubFiles {
	return Object.fromEntries(
		readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))])
	);
}

/** What lets pages of other addresses read the answers, as on the Hub. */
const crossOrigin = {
	'Access-Control-Allow-Origin': '*',
	'Access-Control-Allow-Headers': 'Authorization, Range',
	'Access-Control-Expose-Headers':
		'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash'
};

/** A server that answers as the Hugging Face Hub does: lists in pages, redirects, ranges, ETags, refusals. */
export async function startHub({ models, gated = {}, instead }: HubServerOptions) {
	/** Method, path and range of every request. */
	const requests: { readonly path: string; readonly range: string | undefined }[] = [];
	const server = createServer((request, response) => {
		const url = new URL(request.url!, 'http://hub');
		if (request.method !== 'OPTIONS') requests.push({ path: url.pathname, range: request.headers.range });
		for (const [name, value] of Object.entries(crossOrigin)) response.setHeader(name, value);
		if (request.method === 'OPTIONS') return void response.writeHead(204).end();
		const problem = instead?.(request);
		if (problem === 'stall') return;
		if (problem === 'busy') return void response.writeHead(429, { 'Retry-After': '1' }).end();
		const [, tree] = /^\/api\/models\/(.+?)\/tree\/main$/.exec(url.pathname) ?? [];
		const [, name, path] = /^\/([^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(url.pathname) ?? [];
		const [, stored, file] = /^\/cdn\/([^/]+\/[^/]+)\/(.+)$/.exec(url.pathname) ?? [];
		const model = tree ?? name ?? stored ?? '';
		const files = models[model];
		const authorised =
			gated[model] === undefined || request.headers.authorization === `Bearer ${gated[model]}`;
		if (request.headers.authorization === `Bearer ${EXPIRED}`)
			return refuse(response, 401, 'Invalid credentials in Authorization header');
		if (!files)
			return request.headers.authorization
				? refuse(response, 404, 'Repository not found', 'RepoNotFound')
				: refuse(response, 401, 'Invalid username or password.', 'RepoNotFound');
		if (!authorised && stored === undefined)
			return request.headers.authorization
				? refuse(
						response,
						403,
						`Access to model ${model} is restricted and you are not in the authorized list.`,
						'GatedRepo'
					)
				: refuse(
						response,
						401,
						`Access to model ${model} is restricted. You must have access to it and be authenticated.`,
						'GatedRepo'
					);
		if (tree !== undefined) return list(response, url, files);
		const bytes = files[path ?? file ?? ''];
		if (!bytes) return refuse(response, 404, 'Entry not found', 'EntryNotFound');
		if (path !== undefined && bytes.length >= LFS_FROM)
			return void response
				.writeHead(302, {
					Location: `/cdn/${model}/${path}`,
					'X-Linked-Size': bytes.length,
					'X-Linked-ETag': `"${sha256(bytes)}"`
				})
				.end();
		const sent = problem === 'other bytes' ? bytes.map((byte) => byte ^ 1) : bytes;
		send(request, response, sent, problem === 'cut');
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		close: () =>
			new Promise((resolve) => {
				server.close(resolve);
				server.closeAllConnections();
			})
	};
}

function refuse(response: ServerResponse, status: number, error: string, code = ''): void {
	response
		.writeHead(status, { 'Content-Type': 'application/json', 'X-Error-Code': code })
		.end(JSON.stringify({ error }));
}

/** One page of the list, with a link to the next. */
function list(response: ServerResponse, url: URL, files: HubFiles): void {
	const all = Object.entries(files);
	const from = Number(url.searchParams.get('cursor') ?? 0);
	const next = new URL(url);
	next.searchParams.set('cursor', String(from + PAGE));
	const entries = all.slice(from, from + PAGE).map(([path, bytes]) => ({
		...{ type: 'file', path, size: bytes.length, oid: blob(bytes) },
		...(bytes.length >= LFS_FROM && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } })
	}));
	const host = response.req.headers.host!;
	response
		.writeHead(200, {
			'Content-Type': 'application/json',
			...(from + PAGE < all.length && { Link: `<http://${host}${next.pathname}${next.search}>; rel="next"` })
		})
		.end(JSON.stringify(entries));
}

function send(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array, cut: boolean): void {
	const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
	const start = Number(from ?? 0);
	const end = Math.min(Number(to ?? bytes.length - 1) + 1, bytes.length);
	const part = bytes.subarray(start, end);
	response.writeHead(from === undefined ? 200 : 206, {
		'Content-Length': part.length,
		'Accept-Ranges': 'bytes',
		ETag: `"${blob(bytes)}"`,
		...(from !== undefined && { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` })
	});
	if (!cut) return void response.end(part);
	response.write(part.subarray(0, part.length >> 1), () => response.destroy());
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const blob = (bytes: Uint8Array) =>
	createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

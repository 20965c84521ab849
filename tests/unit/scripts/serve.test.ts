import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelIndex, serve } from '../../../scripts/serve.mjs';

let folder: string;
let server: Server;
let base: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'honeybee-'));
	await mkdir(join(folder, 'site/_app/immutable'), { recursive: true });
	await mkdir(join(folder, 'site/models/mine'), { recursive: true });
	await mkdir(join(folder, 'site/models/half'), { recursive: true });
	await writeFile(join(folder, 'secret.txt'), 'secret');
	await writeFile(join(folder, 'site/index.html'), '<title>page</title>');
	await writeFile(join(folder, 'site/_app/immutable/a.js'), 'export {};');
	await writeFile(join(folder, 'site/notebook-frame.html'), '<title>frame</title>');
	await writeFile(join(folder, 'site/data.bin'), '0123456789');
	await writeFile(join(folder, 'site/models/mine/honeybee.json'), '{}');
	server = await serve({ folder: join(folder, 'site'), port: 0, host: '127.0.0.1' });
	base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
	server.closeAllConnections();
	server.close();
	await rm(folder, { recursive: true });
});

/** Status of a path that `fetch` would tidy up, or with headers to which it would add its own. */
function rawStatus(path: string, headers: Record<string, string> = {}): Promise<number | undefined> {
	return new Promise((resolve, reject) => {
		request(base, { path, headers }, (response) => resolve(response.resume().statusCode))
			.on('error', reject)
			.end();
	});
}

describe('the server of npm start', () => {
	it.each(['/', '/data.bin', '/missing.bin', '/models/index.json'])('isolates %s', async (path) => {
		const { headers } = await fetch(base + path);
		expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
		expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
	});

	it('lets nothing out of the notebook’s frame, and bars no other page', async () => {
		const allowed = async (path: string) => (await fetch(base + path)).headers.get('connection-allowlist');
		expect(await allowed('/notebook-frame.html')).toBe('()');
		expect(await allowed('/')).toBeNull();
	});

	it('gives the notebook’s frame, which has no origin, to every browser, and nothing else to other sites', async () => {
		const policy = async (path: string) =>
			(await fetch(base + path)).headers.get('cross-origin-resource-policy');
		expect(await policy('/notebook-frame.html')).toBe('cross-origin');
		expect(await policy('/')).toBe('same-origin');
	});

	it('answers a route with the page, and a missing file with 404', async () => {
		expect(await (await fetch(`${base}/figures/locality`)).text()).toContain('page');
		expect((await fetch(`${base}/missing.js`)).status).toBe(404);
	});

	it('answers ranges', async () => {
		const part = async (range: string) => {
			const response = await fetch(`${base}/data.bin`, { headers: { range } });
			return [response.status, response.headers.get('content-range'), await response.text()];
		};
		expect(await part('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234']);
		expect(await part('bytes=0-0')).toEqual([206, 'bytes 0-0/10', '0']);
		expect(await part('bytes=7-')).toEqual([206, 'bytes 7-9/10', '789']);
		expect(await part('bytes=-2')).toEqual([206, 'bytes 8-9/10', '89']);
		expect(await part('bytes=8-99')).toEqual([206, 'bytes 8-9/10', '89']);
		expect(await part('bytes=10-')).toEqual([416, 'bytes */10', '']);
	});

	it('lets named-by-content files be kept, and asks again for all others', async () => {
		const script = await fetch(`${base}/_app/immutable/a.js`);
		expect(script.headers.get('cache-control')).toContain('immutable');
		expect(script.headers.get('content-type')).toContain('text/javascript');
		const data = await fetch(`${base}/data.bin`);
		expect(data.headers.get('cache-control')).toBe('no-cache');
		expect(await rawStatus('/data.bin', { 'if-none-match': data.headers.get('etag') ?? '' })).toBe(304);
	});

	it.each([
		'/../secret.txt',
		'/%2e%2e/secret.txt',
		'/..%2fsecret.txt',
		'/models/..%2f..%2fsecret.txt',
		'/%00.txt'
	])('stays in its folder: %s', async (path) => {
		expect(await rawStatus(path)).toBe(404);
	});

	it('refuses what is not a path, and what is not a read', async () => {
		expect(await rawStatus('/%zz')).toBe(400);
		expect((await fetch(base, { method: 'POST' })).status).toBe(405);
	});
});

describe('the list of models', () => {
	const names = (json: string) =>
		(JSON.parse(json) as { models: { name: string }[] }).models.map((m) => m.name);

	it('holds every model folder, listed or not, and no other', async () => {
		const site = join(folder, 'site/models');
		expect(names(modelIndex(site))).toContain('mine');
		expect(names(modelIndex(site))).not.toContain('half');
		await writeFile(
			join(site, 'index.json'),
			'{"models": [{"name": "mine", "title": "Mine"}, {"name": "elsewhere"}]}'
		);
		const { models } = JSON.parse(modelIndex(site)) as { models: unknown[] };
		expect(models).toContainEqual({ name: 'mine', title: 'Mine' });
		expect(models).toContainEqual({ name: 'elsewhere' });
		expect(names(modelIndex(site)).filter((name) => name === 'mine')).toHaveLength(1);
	});

	it('fails on a list that is not JSON', async () => {
		const site = join(folder, 'site/models');
		await writeFile(join(site, 'index.json'), '{');
		expect(() => modelIndex(site)).toThrow();
		expect((await fetch(`${base}/models/index.json`)).status).toBe(500);
	});
});

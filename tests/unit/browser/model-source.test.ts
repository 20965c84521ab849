import { expect, it } from 'vitest';
import { httpSource } from '../../../src/lib/browser/model-source.ts';

const url = 'https://example.org/base/models/tiny%20model/';

function server(
	answers: Readonly<Record<string, Response>>,
	asked: [string, RequestInit | undefined][] = []
) {
	const fetcher = (async (address: URL, init?: RequestInit) => {
		asked.push([String(address), init]);
		const answer = answers[String(address).slice(url.length)];
		if (!answer) throw new TypeError('Failed to fetch');
		return answer;
	}) as typeof fetch;
	return httpSource(url, fetcher);
}

const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i);

it.each([
	['with a length', { 'content-length': String(bytes.length) }],
	['without a length', {}],
	['with the length of its encoding', { 'content-length': '10', 'content-encoding': 'gzip' }]
])('downloads a file %s and reports bytes', async (_, headers) => {
	const asked: [string, RequestInit | undefined][] = [];
	const source = server(
		{ 'a.bin': new Response(bytes, { headers: headers as Record<string, string> }) },
		asked
	);
	expect(source.name).toBe('tiny model');
	const progress: number[] = [];
	const loaded = await source.load!('a.bin', { fresh: true, onBytes: (n) => progress.push(n) });
	expect(loaded).toEqual(bytes);
	expect(progress.at(-1)).toBe(bytes.length);
	expect(asked).toEqual([[`${url}a.bin`, { cache: 'reload' }]]);
});

it('takes 404 and the page of a single-page app for a missing file', async () => {
	const source = server({
		gone: new Response('', { status: 404 }),
		page: new Response('<html>', { headers: { 'content-type': 'text/html; charset=utf-8' } })
	});
	expect(await source.open('gone')).toBeUndefined();
	expect(await source.open('page')).toBeUndefined();
});

it('says what to do when a download fails', async () => {
	const source = server({ broken: new Response('', { status: 503 }) });
	await expect(source.open('broken')).rejects.toThrow(
		'broken of tiny model could not be downloaded (HTTP 503)'
	);
	await expect(source.open('offline')).rejects.toThrow('check the connection');
});

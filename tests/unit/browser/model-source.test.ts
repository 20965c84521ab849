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

/** A body that ends with an error after so many bytes. */
function cutAfter(count: number) {
	let given = false;
	return new ReadableStream<Uint8Array>({
		pull(controller) {
			if (given) controller.error(new TypeError('network error'));
			else controller.enqueue(bytes.slice(0, count));
			given = true;
		}
	});
}

/** Gives these answers one after the other; errors are thrown. */
function inTurn(answers: readonly (Response | Error)[]) {
	const asked: (string | undefined)[] = [];
	const fetcher = (async (_: URL, init?: RequestInit) => {
		asked.push(new Headers(init?.headers).get('range') ?? undefined);
		const answer = answers[asked.length - 1];
		if (answer === undefined || answer instanceof Error) throw answer ?? new TypeError('Failed to fetch');
		return answer;
	}) as typeof fetch;
	return { source: httpSource(url, fetcher), asked };
}
const whole = (body: BodyInit | ReadableStream) =>
	new Response(body, { headers: { 'content-length': String(bytes.length) } });
const unreached = new TypeError('Failed to fetch');

it('goes on where the connection was cut, also when the server is not reached again at once', async () => {
	const rest = new Response(bytes.slice(50_000), { status: 206 });
	const { source, asked } = inTurn([whole(cutAfter(50_000)), unreached, unreached, rest]);
	expect(await source.load!('a.bin', { fresh: false, onBytes: () => undefined })).toEqual(bytes);
	expect(asked).toEqual([undefined, ...Array<string>(3).fill('bytes=50000-')]);
});

it('hands a file out as it comes, also behind a cut, and gives on what its taker throws', async () => {
	const rest = new Response(bytes.slice(50_000), { status: 206 });
	const { source, asked } = inTurn([whole(cutAfter(50_000)), rest]);
	const pieces: Uint8Array[] = [];
	const take = (piece: Uint8Array) => void pieces.push(piece);
	expect(await source.stream!('a.bin', { fresh: false, take })).toBe(true);
	expect(pieces.length).toBeGreaterThan(1);
	expect(pieces.flatMap((piece) => [...piece])).toEqual([...bytes]);
	expect(asked).toEqual([undefined, 'bytes=50000-']);

	const refused = inTurn([whole(bytes)]);
	const refuse = () => {
		throw new RangeError('There is no room.');
	};
	await expect(refused.source.stream!('a.bin', { fresh: false, take: refuse })).rejects.toThrow(
		'There is no room.'
	);
	expect(refused.asked).toHaveLength(1);
	const missing = server({ gone: new Response('', { status: 404 }) });
	expect(await missing.stream!('gone', { fresh: false, take })).toBe(false);
});

it('gives up a server that is not reached again, and one without ranges at once', async () => {
	const gone = inTurn([whole(cutAfter(50_000))]);
	await expect(gone.source.open('a.bin')).rejects.toThrow('check the connection');
	expect(gone.asked).toHaveLength(5);
	const withoutRanges = inTurn([whole(cutAfter(50_000)), whole(bytes)]);
	await expect(withoutRanges.source.open('a.bin')).rejects.toThrow('check the connection');
	expect(withoutRanges.asked).toHaveLength(2);
});

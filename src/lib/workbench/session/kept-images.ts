import { openImage, type PictureOrigin, type SessionImage } from './images.ts';

/** Images put in by hand, kept in this browser under their sha256, so that a link that names one by its hash opens here again. */
const STORE = 'honeybee-images';
const PLACE = '/kept-image/';
/** The oldest go first. */
const MOST = 40;
/** Larger files are not kept, bytes. */
const LARGEST = 16 * 1024 * 1024;

/** Keeps an image; a browser without storage keeps nothing, and the link says so when it is opened. */
export async function keepImage({
	id,
	name,
	bytes,
	origin
}: Pick<SessionImage, 'id' | 'name' | 'bytes' | 'origin'>): Promise<void> {
	if (bytes.length > LARGEST || !('caches' in globalThis)) return;
	try {
		const store = await caches.open(STORE);
		if (await store.match(`${PLACE}${id}`)) return;
		const headers = {
			'X-Name': encodeURIComponent(name),
			...(origin && { 'X-Origin': encodeURIComponent(JSON.stringify(origin)) })
		};
		await store.put(`${PLACE}${id}`, new Response(new Blob([bytes]), { headers }));
		const kept = await store.keys();
		await Promise.all(kept.slice(0, Math.max(0, kept.length - MOST)).map((request) => store.delete(request)));
	} catch {
		// Storage is full or forbidden.
	}
}

/** The kept image whose hash begins so. */
export async function keptImage(hash: string): Promise<SessionImage | undefined> {
	if (!/^[0-9a-f]{8,64}$/.test(hash) || !('caches' in globalThis)) return undefined;
	try {
		const store = await caches.open(STORE);
		const request = (await store.keys()).find(({ url }) =>
			new URL(url).pathname.startsWith(`${PLACE}${hash}`)
		);
		const response = request && (await store.match(request));
		if (!response) return undefined;
		const name = decodeURIComponent(response.headers.get('X-Name') ?? 'Image');
		const origin = response.headers.get('X-Origin');
		return {
			...(await openImage(await response.blob(), name)),
			...(origin !== null && { origin: JSON.parse(decodeURIComponent(origin)) as PictureOrigin })
		};
	} catch {
		return undefined;
	}
}

import { toBase64 } from './base64.ts';

/** Media type of an image file by its first bytes: JPEG, WebP, or else PNG. */
export function imageType(bytes: Uint8Array): 'image/jpeg' | 'image/webp' | 'image/png' {
	return bytes[0] === 0xff ? 'image/jpeg' : bytes[0] === 0x52 ? 'image/webp' : 'image/png';
}

/** A file as a data: URL. @param type its media type; that of an image by its bytes when absent */
export function dataUrl(bytes: Uint8Array, type: string = imageType(bytes)): string {
	return `data:${type};base64,${toBase64(bytes)}`;
}

/** What lies at an address, as a data: URL; one that is there already stays as it is. @throws TypeError when it cannot be fetched */
export async function fetchedDataUrl(address: string): Promise<string> {
	if (address.startsWith('data:')) return address;
	const blob = await (await fetch(address)).blob();
	return dataUrl(new Uint8Array(await blob.arrayBuffer()), blob.type || 'application/octet-stream');
}

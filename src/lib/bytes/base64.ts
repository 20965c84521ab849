/** Bytes made into characters at a time: a whole file is too long for a call's arguments. */
const CHUNK = 8192;

/** Bytes → base64 (RFC 4648, with padding). */
export function toBase64(bytes: Uint8Array): string {
	let binary = '';
	for (let at = 0; at < bytes.length; at += CHUNK)
		binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
	return btoa(binary);
}

/** Base64 → bytes; spaces are passed over, padding may be missing. @throws DOMException for any other character */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
	const binary = atob(text);
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
	return bytes;
}

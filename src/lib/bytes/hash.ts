/** Running SHA-256. */
export interface Hasher {
	update(bytes: Uint8Array): void;
	/** Lower-case hex. */
	digest(): string;
}

/** Bytes in lower-case hexadecimal, two digits each. */
export function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** SHA-256 of bytes in memory, in hexadecimal. Files too large for it are hashed piece by piece (`Hasher`). */
export async function sha256(bytes: Uint8Array): Promise<string> {
	const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
	return hex(new Uint8Array(digest));
}

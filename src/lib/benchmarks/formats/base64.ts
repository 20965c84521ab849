import { fromBase64 } from '../../bytes/base64.ts';
import { InputError } from '../../tensor/errors.ts';

/** Base64 → bytes; characters outside the alphabet are passed over, as Python's `b64decode` does. */
export function decodeBase64(text: string, where: string): Uint8Array {
	try {
		return fromBase64(text.replace(/[^A-Za-z0-9+/=]/g, ''));
	} catch {
		throw new InputError(
			`${where}: the image is not base64; the file is damaged or cut off, download it again.`
		);
	}
}

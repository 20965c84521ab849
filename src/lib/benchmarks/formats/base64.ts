import { fromBase64 } from '../../bytes/base64.ts';
import { InputError } from '../../tensor/errors.ts';

/** Base64 → bytes; the head of a data URL and characters outside the alphabet are passed over, the latter as Python's `b64decode` does. */
export function decodeBase64(text: string, where: string): Uint8Array {
	try {
		return fromBase64(text.replace(/^\s*data:[^,]*,/, '').replace(/[^A-Za-z0-9+/=]/g, ''));
	} catch {
		throw new InputError(
			`${where}: the image is not base64; the file is damaged or cut off, download it again.`
		);
	}
}

import { InputError } from '../tensor/errors.ts';

/** What the browser's storage says of a file that cannot be written, as a sentence; other errors as they are. */
export function storageError(error: unknown, path: string): unknown {
	if (!(error instanceof DOMException)) return error;
	if (error.name === 'QuotaExceededError')
		return new InputError(
			`${path} cannot be written: the storage that this browser allows the page is full; delete a model or free space on the disk, then go on. Nothing that was written before is lost.`
		);
	if (error.name === 'NoModificationAllowedError')
		return new InputError(
			`${path} cannot be written: another tab is writing it; stop it there first, or close that tab.`
		);
	return error;
}

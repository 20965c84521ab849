import { isObject, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';

/** A kind of file of the workbench's own, JSON that names its format; all are of version 1. */
export interface OwnFormat {
	readonly format: string;
	/** What a file of it is, e.g. "series of checkpoints". */
	readonly what: string;
	/** How one is made, a phrase. */
	readonly make: string;
}

/** The object in such a file. @param name of the file, for messages @throws InputError when it is none, or of another version */
export function readOwnFormat(text: string, name: string, { format, what, make }: OwnFormat): JsonObject {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		value = undefined;
	}
	if (!isObject(value) || value['format'] !== format) throw new InputError(`${name} is no ${what}; ${make}.`);
	if (value['version'] !== 1)
		throw new InputError(
			`${name} has version ${JSON.stringify(value['version'])}; this program reads version 1, use a newer one.`
		);
	return value;
}

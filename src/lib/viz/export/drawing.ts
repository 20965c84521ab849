import { strFromU8, strToU8, unzlibSync, zlibSync } from 'fflate';
import { fromBase64, toBase64 } from '../../bytes/base64.ts';
import { isObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { packValue, unpackValue } from './pack.ts';

/** What a figure is drawn from: its rows, and its own options. */
export interface Drawing {
	readonly rows: unknown;
	readonly options: object;
}

/** Characters of a packed drawing that still travel with a figure. */
const MOST = 4 * 1024 * 1024;
/** Stands before the name of a picture where its address was. */
const PICTURE = 'picture:';
/** Shown where a picture is not here. */
const NOTHING =
	'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

/**
 * The drawing as text that is kept in a file: what is drawn comes back exactly. Pictures are named only; the file says elsewhere which
 * they are. Undefined where it would be too large or holds what no file can.
 */
export function packDrawing({ rows, options }: Drawing): string | undefined {
	const named = withAddresses({ rows, options }, (_, name) => PICTURE + name);
	try {
		const packed = toBase64(zlibSync(strToU8(packValue(named)), { level: 6 }));
		return packed.length <= MOST ? packed : undefined;
	} catch (error) {
		if (error instanceof InputError) return undefined;
		throw error;
	}
}

/**
 * @param addressOf address of a picture by its name; undefined when it is not here
 * @throws InputError when the text is damaged
 */
export function unpackDrawing(packed: string, addressOf: (name: string) => string | undefined): Drawing {
	let value: unknown;
	try {
		value = unpackValue(strFromU8(unzlibSync(fromBase64(packed))));
	} catch {
		value = undefined;
	}
	if (!isObject(value) || !isObject(value['options']))
		throw new InputError('What this figure was drawn from is damaged in the file; compute it again.');
	const { rows, options } = value;
	return withAddresses({ rows, options }, (address) =>
		// Nothing else is fetched for a file from elsewhere.
		address.startsWith(PICTURE) ? (addressOf(address.slice(PICTURE.length)) ?? NOTHING) : NOTHING
	) as Drawing;
}

/** A copy in which every picture has another address; an object that occurs twice stays one. */
function withAddresses(
	value: unknown,
	change: (address: string, name: string) => string,
	known = new Map<object, unknown>()
): unknown {
	if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
	const done = known.get(value);
	if (done !== undefined) return done;
	const each = (one: unknown) => withAddresses(one, change, known);
	if (value instanceof Map || value instanceof Set) {
		const parts = [...value].map(each);
		const copy = value instanceof Map ? new Map(parts as [unknown, unknown][]) : new Set(parts);
		known.set(value, copy);
		return copy;
	}
	const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : {};
	known.set(value, copy);
	const name = 'name' in value && typeof value.name === 'string' ? value.name : '';
	for (const [key, one] of Object.entries(value))
		(copy as Record<string, unknown>)[key] =
			key === 'href' && typeof one === 'string' ? change(one, name) : each(one);
	return copy;
}

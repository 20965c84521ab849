import { toBase64, fromBase64 } from '../../bytes/base64.ts';
import { InputError } from '../../tensor/errors.ts';

/** Typed arrays that rows hold, by name. */
const arrays = {
	Float32Array,
	Float64Array,
	Int8Array,
	Uint8Array,
	Uint8ClampedArray,
	Int16Array,
	Uint16Array,
	Int32Array,
	Uint32Array,
	BigInt64Array,
	BigUint64Array
} as const;
type ArrayName = keyof typeof arrays;

/** Marks an object that stands for something JSON has no words for. */
const MARK = '$packed';

/**
 * A figure's rows, or what a cell was answered, as JSON: lists, plain objects, typed arrays exactly, NaN and infinities, maps and sets.
 * An object that occurs twice is one object again afterwards.
 * @throws InputError for functions and objects of other kinds
 */
export function packValue(value: unknown): string {
	return JSON.stringify(new Packer(value).plain(value));
}

/** @throws InputError when the text was not made by `packValue` */
export function unpackValue(text: string): unknown {
	try {
		return restored(JSON.parse(text), new Map());
	} catch (error) {
		throw error instanceof InputError ? error : new InputError('What was saved of this page is damaged.');
	}
}

class Packer {
	/** Objects that occur more than once, with their numbers; undefined until they are written. */
	readonly #shared = new Map<object, number | undefined>();
	#next = 1;

	constructor(value: unknown) {
		this.#count(value, new Set());
	}

	#count(value: unknown, seen: Set<object>): void {
		if (value === null || typeof value !== 'object') return;
		if (seen.has(value)) return void this.#shared.set(value, undefined);
		seen.add(value);
		if (ArrayBuffer.isView(value)) return;
		const parts = value instanceof Map || value instanceof Set ? [...value] : Object.values(value);
		for (const part of parts) this.#count(part, seen);
	}

	plain(value: unknown): unknown {
		if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
		if (typeof value === 'number') {
			if (Object.is(value, -0)) return mark('number', '-0');
			return Number.isFinite(value) ? value : mark('number', `${value}`);
		}
		if (value === undefined) return mark('undefined');
		if (typeof value !== 'object') throw new InputError(`A ${typeof value} cannot be kept in a file.`);
		if (!this.#shared.has(value)) return this.#content(value);
		const known = this.#shared.get(value);
		if (known !== undefined) return mark('same', known);
		const id = this.#next++;
		this.#shared.set(value, id);
		return { ...mark('shared', this.#content(value)), id };
	}

	#content(value: object): unknown {
		const each = (one: unknown) => this.plain(one);
		if (Array.isArray(value)) return value.map(each);
		if (ArrayBuffer.isView(value)) {
			const name = (Object.keys(arrays) as ArrayName[]).find((one) => value instanceof arrays[one]);
			if (name === undefined) throw new InputError('Bytes of this kind cannot be kept in a file.');
			return mark(name, toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)));
		}
		if (value instanceof Map) return mark('Map', [...value].map(each));
		if (value instanceof Set) return mark('Set', [...value].map(each));
		return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one)]));
	}
}

function mark(kind: string, value?: unknown): object {
	return { [MARK]: kind, value };
}

function restored(value: unknown, shared: Map<unknown, unknown>): unknown {
	const each = (one: unknown) => restored(one, shared);
	if (Array.isArray(value)) return value.map(each);
	if (value === null || typeof value !== 'object') return value;
	const { [MARK]: kind, value: content, id } = value as Record<string, unknown>;
	if (kind === undefined)
		return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one)]));
	if (kind === 'undefined') return undefined;
	if (kind === 'number') return Number(content);
	if (kind === 'Map') return new Map(each(content) as [unknown, unknown][]);
	if (kind === 'Set') return new Set(each(content) as unknown[]);
	if (kind === 'shared') {
		const whole = each(content);
		shared.set(id, whole);
		return whole;
	}
	if (kind === 'same' && shared.has(content)) return shared.get(content);
	const name = (Object.keys(arrays) as ArrayName[]).find((one) => one === kind);
	if (name === undefined || typeof content !== 'string')
		throw new InputError('What was saved of this page is damaged.');
	return new arrays[name](fromBase64(content).buffer);
}

/** JSON that may stand inside a `<script>` element. */
export function scriptSafe(json: string): string {
	return json
		.replace(/</g, '\\u003c')
		.replace(/\u2028/g, '\\u2028')
		.replace(/\u2029/g, '\\u2029');
}

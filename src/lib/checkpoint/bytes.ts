import { isObject, parseJson, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import { bytesPerElement } from '../tensor/tensor.ts';
import type { DType, Tensor, TypedArrays } from '../tensor/tensor.ts';
import type { ByteSource } from './source.ts';

const arrayTypes: {
	readonly [D in DType]: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArrays[D];
} = {
	float32: Float32Array,
	float64: Float64Array,
	float16: Uint16Array,
	bfloat16: Uint16Array,
	int64: BigInt64Array,
	int32: Int32Array,
	int16: Int16Array,
	int8: Int8Array,
	uint8: Uint8Array,
	bool: Uint8Array
};

/** Little-endian bytes as values; copies only when the bytes are not aligned. */
export function fromBytes<D extends DType>(dtype: D, bytes: Uint8Array): TypedArrays[D] {
	const size = bytesPerElement[dtype];
	const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
	return new arrayTypes[dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** A tensor's values as little-endian bytes, not copied. */
export function toBytes(tensor: Tensor): Uint8Array {
	const { buffer, byteOffset, byteLength } = tensor.data;
	return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes `[start, end)` of a file, or a sentence saying that the file is too short for them. */
export async function readRange(
	source: ByteSource,
	start: number,
	end: number,
	what: string,
	into?: Uint8Array
): Promise<Uint8Array> {
	if (end > source.size)
		throw new InputError(
			`${source.name} is truncated: ${what} ends at byte ${end}, but the file has ${source.size}; copy or download it again.`
		);
	const bytes = await source.read(start, end, into);
	if (bytes.length !== end - start)
		throw new InputError(
			`${source.name} gave ${bytes.length} of the ${end - start} bytes of ${what}; did it change?`
		);
	return bytes;
}

/** Largest text file (config, index) that is read whole. */
const TEXT_LIMIT = 64 * 2 ** 20;

/** A UTF-8 text file. */
export async function readText(source: ByteSource): Promise<string> {
	if (source.size > TEXT_LIMIT)
		throw new InputError(`${source.name} has ${source.size} bytes, too many for a text file of this kind.`);
	return decodeText(await readRange(source, 0, source.size, 'the text'), source.name);
}

/** UTF-8 → text; invalid bytes are an InputError. */
export function decodeText(bytes: Uint8Array, name: string): string {
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	} catch {
		throw new InputError(
			`${name} holds text that is not valid UTF-8; it is damaged or another kind of file.`
		);
	}
}

/** Text → JSON object; anything else is an InputError. */
export function parseJsonObject(text: string, name: string): JsonObject {
	let value: unknown;
	try {
		value = parseJson(text);
	} catch {
		value = undefined;
	}
	if (!isObject(value))
		throw new InputError(
			`${name} is not a JSON object; it is damaged or another kind of file: copy or download it again.`
		);
	return value;
}

/** A JSON file that holds an object. */
export async function readJsonObject(source: ByteSource): Promise<JsonObject> {
	return parseJsonObject(await readText(source), source.name);
}

const LFS_POINTER = 'version https://git-lfs';

/**
 * Refuses what stands in place of weights: a Git LFS pointer, which a clone without LFS leaves, or the page that a host sent instead.
 */
export async function refuseStandIn(source: ByteSource): Promise<void> {
	const start = String.fromCharCode(...(await source.read(0, Math.min(64, source.size))));
	if (/^\s*<(!doctype|html)/i.test(start))
		throw new InputError(
			`${source.name} is a web page, not the weights; download the file again, with an account where its host asks for one.`
		);
	if (source.size <= 1024 && start.startsWith(LFS_POINTER))
		throw new InputError(
			`${source.name} is a Git LFS pointer, not the weights; run "git lfs pull" in its folder.`
		);
}

import { isObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import { bytesPerElement, elementCount } from '../tensor/tensor.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';
import { decodeText, fromBytes, parseJsonObject, readRange, refuseStandIn, toBytes } from './bytes.ts';
import type { Checkpoint, TensorEntry } from './checkpoint.ts';
import type { ByteSource } from './source.ts';

/** Largest header that is read; the reference reader has the same limit. */
const HEADER_LIMIT = 100_000_000;

const dtypeNames: Readonly<Record<DType, string>> = {
	float32: 'F32',
	float64: 'F64',
	float16: 'F16',
	bfloat16: 'BF16',
	int64: 'I64',
	int32: 'I32',
	int16: 'I16',
	int8: 'I8',
	uint8: 'U8',
	bool: 'BOOL'
};
const dtypeOf = new Map(Object.entries(dtypeNames).map(([dtype, name]) => [name, dtype as DType]));

/** Where a tensor lies: first and last + 1 byte, from the start of the data. */
interface Span {
	readonly name: string;
	readonly begin: number;
	readonly end: number;
}

interface SafetensorsEntry extends TensorEntry, Span {}

/** A tensor whose numbers are of a type that is not read, as the file calls it. */
interface OpaqueEntry extends Span {
	readonly opaque: string;
}

export interface SafetensorsFile extends Checkpoint {
	readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Opens a safetensors file by reading its header alone. Every offset is checked here (shape, overlap, gaps, file size),
 * so that `read` cannot meet a tensor that is not all there. Tensors of types that are not read (float8, complex) are named in
 * `unreadable`: a file is good as long as nobody needs them. Two names of one tensor, of which `save_model` of safetensors keeps the
 * first in the alphabet and notes the others in the metadata, are both entries.
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
	await refuseStandIn(source);
	const lengthField = await readRange(source, 0, 8, 'the header length');
	const headerLength = Number(new DataView(lengthField.buffer, lengthField.byteOffset).getBigUint64(0, true));
	if (headerLength > HEADER_LIMIT)
		throw new InputError(
			`${source.name} is not a safetensors file: its header would have ${headerLength} bytes, more than the ${HEADER_LIMIT} allowed.`
		);
	const dataStart = 8 + headerLength;
	const headerBytes = await readRange(source, 8, dataStart, 'the header');
	const header = parseJsonObject(decodeText(headerBytes, source.name), `The header of ${source.name}`);

	const metadata: Record<string, string> = {};
	const inHeader: (SafetensorsEntry | OpaqueEntry)[] = [];
	for (const [name, value] of Object.entries(header)) {
		if (name !== '__metadata__') inHeader.push(parseEntry(source.name, name, value));
		else if (isObject(value)) for (const [key, text] of Object.entries(value)) metadata[key] = String(text);
	}
	inHeader.sort((a, b) => a.begin - b.begin || a.end - b.end);
	checkLayout(source, inHeader, dataStart);
	const entries = new Map<string, SafetensorsEntry>();
	const unreadable = new Map<string, string>();
	for (const entry of inHeader)
		if ('opaque' in entry)
			unreadable.set(
				entry.name,
				`of ${source.name} has numbers of type ${entry.opaque}, which is not supported; the types read are ${[...dtypeOf.keys()].join(', ')}`
			);
		else entries.set(entry.name, entry);
	for (const [removed, kept] of Object.entries(metadata)) {
		const same = entries.get(kept);
		if (same && !entries.has(removed) && !unreadable.has(removed))
			entries.set(removed, { ...same, name: removed });
	}

	return {
		entries,
		unreadable,
		metadata,
		async read(name) {
			const entry = entries.get(name);
			if (!entry) throw new InputError(`${source.name} has no tensor ${name}.`);
			const { dtype, dims, begin, end } = entry;
			const bytes = await readRange(source, dataStart + begin, dataStart + end, `tensor ${name}`);
			return { dtype, dims, data: fromBytes(dtype, bytes) };
		},
		parts(name) {
			const entry = entries.get(name);
			if (!entry) return undefined;
			const { dtype, dims, begin } = entry;
			const size = bytesPerElement[dtype];
			const first = dataStart + begin;
			return {
				dtype,
				count: elementCount(dims),
				read: (start, end, into) =>
					readRange(source, first + start * size, first + end * size, `tensor ${name}`, into)
			};
		}
	};
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parseEntry(file: string, name: string, value: unknown): SafetensorsEntry | OpaqueEntry {
	const broken = (what: string) =>
		new InputError(`${file} is damaged: tensor ${name} ${what}; copy or download it again.`);
	if (!isObject(value)) throw broken('is not described by an object');
	const { dtype: dtypeName, shape, data_offsets: offsets } = value;
	if (typeof dtypeName !== 'string') throw broken('has no dtype');
	const dtype = dtypeOf.get(dtypeName);
	if (!Array.isArray(shape) || !shape.every(isCount)) throw broken('has no valid shape');
	if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
		throw broken('has no valid data_offsets');
	const [begin, end] = offsets as [number, number];
	// How many bits a number of an unknown type has is not known; its place in the file is checked all the same.
	if (!dtype) {
		if (end < begin) throw broken('ends before it begins');
		return { name, opaque: dtypeName, begin, end };
	}
	const byteLength = elementCount(shape) * bytesPerElement[dtype];
	if (end - begin !== byteLength)
		throw broken(
			`[${shape.join(', ')}] of ${dtypeNames[dtype]} needs ${byteLength} bytes, its offsets span ${end - begin}`
		);
	return { name, dtype, dims: shape, begin, end };
}

/** The tensors must fill the data exactly: no overlap, no gap, no byte too few or too many. */
function checkLayout(source: ByteSource, inOrder: readonly Span[], dataStart: number): void {
	let filled = 0;
	for (const { name, begin, end } of inOrder) {
		if (begin !== filled)
			throw new InputError(
				`${source.name} is damaged: tensor ${name} begins at byte ${begin} of the data, ${begin < filled ? 'inside the tensor before it' : 'leaving a gap'} (expected ${filled}).`
			);
		filled = end;
	}
	const expected = dataStart + filled;
	if (source.size < expected)
		throw new InputError(
			`${source.name} is truncated: its header describes ${expected} bytes, the file has ${source.size}; copy or download it again.`
		);
	if (source.size > expected)
		throw new InputError(
			`${source.name} is damaged: its header describes ${expected} bytes, the file has ${source.size}; copy or download it again.`
		);
}

/** A tensor to be written: `byteLength` is given so that data of any origin can be streamed behind the header. */
export interface SafetensorsPlan {
	readonly name: string;
	readonly dtype: DType;
	readonly dims: readonly number[];
	readonly byteLength: number;
}

export interface SafetensorsLayout {
	/** Length field and JSON, padded with spaces so that the data begins at a multiple of `align`. */
	readonly header: Uint8Array;
	/** Absolute offset of each tensor in the file, in the order given; tensors lie end to end. */
	readonly offsets: readonly number[];
	/** Size of the whole file. */
	readonly size: number;
}

/**
 * Lays out a safetensors file: write `header`, then the tensors' little-endian bytes in the order given.
 *
 * @param metadata text stored under `__metadata__`
 * @param align the data begins at a multiple of this; a tensor begins at one when all before it are multiples too
 */
export function safetensorsHeader(
	tensors: readonly SafetensorsPlan[],
	metadata?: Readonly<Record<string, string>>,
	{ align = 64 }: { readonly align?: number } = {}
): SafetensorsLayout {
	const fields: [string, unknown][] = metadata ? [['__metadata__', metadata]] : [];
	const names = new Set(['__metadata__']);
	const begins: number[] = [];
	let end = 0;
	for (const { name, dtype, dims, byteLength } of tensors) {
		if (names.has(name)) throw new Error(`Two tensors of one safetensors file are named ${name}.`);
		if (byteLength !== elementCount(dims) * bytesPerElement[dtype])
			throw new Error(`Tensor ${name} [${dims.join(', ')}] of ${dtype} cannot have ${byteLength} bytes.`);
		names.add(name);
		begins.push(end);
		fields.push([name, { dtype: dtypeNames[dtype], shape: dims, data_offsets: [end, end + byteLength] }]);
		end += byteLength;
	}
	// Written field by field: an object would move names that look like integers to the front.
	const json = new TextEncoder().encode(
		`{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
	);
	const dataStart = Math.ceil((8 + json.length) / align) * align;
	const header = new Uint8Array(dataStart).fill(0x20);
	new DataView(header.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
	header.set(json, 8);
	return { header, offsets: begins.map((begin) => dataStart + begin), size: dataStart + end };
}

/** A whole safetensors file in memory, for traces. */
export function writeSafetensors(
	tensors: Iterable<readonly [name: string, tensor: Tensor]>,
	metadata?: Readonly<Record<string, string>>
): Uint8Array {
	const all = [...tensors];
	const { header, offsets, size } = safetensorsHeader(
		all.map(([name, { dtype, dims, data }]) => ({ name, dtype, dims, byteLength: data.byteLength })),
		metadata
	);
	const file = new Uint8Array(size);
	file.set(header);
	all.forEach(([, tensor], index) => file.set(toBytes(tensor), offsets[index]));
	return file;
}

import type { NamedTensor, TensorReader } from '../checkpoint/checkpoint.ts';
import { bytesPerElement } from '../tensor/tensor.ts';
import { fromBytes, toBytes } from '../checkpoint/bytes.ts';
import { InputError } from '../tensor/errors.ts';
import { toFloat32 } from '../tensor/half.ts';
import { BLOCK } from './quantize.ts';
import { instantiateKernels, type KernelExports } from './kernels.ts';

/** What a stored weight can be. */
export type FloatType = 'float32' | 'float16';

/** Bytes of the checkpoint in work at a time; two such bands are in memory, one of which is being read. */
const BAND = 0.5 * 2 ** 20;
/** Kernels may touch a few bytes behind what they were given. */
const SLACK = 128;

/** Instances that wait for work; an instance works for one tensor at a time. */
const idle: KernelExports[] = [];

/** Gives back the memory that conversion has grown to. */
export function releaseKernels(): void {
	idle.length = 0;
}

/** A kernel module with its memory laid out in regions. */
class Workspace {
	readonly kernels: KernelExports;
	readonly #regions: readonly number[];

	/** @param sizes bytes of each region */
	constructor(kernels: KernelExports, sizes: readonly number[]) {
		this.kernels = kernels;
		let end = 0;
		this.#regions = sizes.map((size) => {
			const start = end;
			end = Math.ceil((start + size + SLACK) / 64) * 64;
			return start;
		});
		const { memory } = kernels;
		const missing = end - memory.buffer.byteLength;
		if (missing > 0) memory.grow(Math.ceil(missing / 65536));
	}

	address(region: number): number {
		return this.#regions[region]!;
	}

	/** Bytes of the memory, not copied. */
	bytes(start: number, length: number): Uint8Array {
		return new Uint8Array(this.kernels.memory.buffer, start, length);
	}
}

/** 16 bytes in which kernels set that there was what they could not represent. */
class Flags {
	static readonly size = 64;
	readonly #workspace: Workspace;
	readonly address: number;
	/** Room for eight numbers. */
	readonly rest: number;

	/** @param region of `size` bytes */
	constructor(workspace: Workspace, region: number) {
		this.#workspace = workspace;
		this.address = workspace.address(region);
		this.rest = this.address + 16;
		this.#bytes.fill(0);
	}

	get #bytes(): Uint8Array {
		return this.#workspace.bytes(this.address, 16);
	}

	/** @throws InputError when something was set */
	refuse(name: string, what: string): void {
		if (this.#bytes.some(Boolean)) throw new InputError(`The checkpoint's ${name} ${what}.`);
	}
}

const NOT_FINITE =
	'holds NaN or infinity, which no weight of a trained model is; check that the file is whole';
const NOT_HALF =
	'holds NaN, infinity or numbers above 65,504, which float16 does not have; convert to fp32, or check that the file is whole';

/** The bits of the exponent: all set in NaN and infinity. */
const exponents = { float32: 0x7f800000, float16: 0x7c00, bfloat16: 0x7f80 } as const;

/** @throws InputError when numbers of the workspace are NaN or infinite: where a kernel judges them, it is done there */
function refuseNotFinite(
	workspace: Workspace,
	name: string,
	type: Direct,
	address: number,
	count: number
): void {
	const { buffer } = workspace.kernels.memory;
	const bits =
		type === 'float32' ? new Uint32Array(buffer, address, count) : new Uint16Array(buffer, address, count);
	const exponent = exponents[type];
	for (let i = 0; i < count; i++)
		if ((bits[i]! & exponent) === exponent) throw new InputError(`The checkpoint's ${name} ${NOT_FINITE}.`);
}

async function* withKernels<T>(use: (kernels: KernelExports) => AsyncGenerator<T, void, void>) {
	const kernels = idle.pop() ?? instantiateKernels();
	yield* use(kernels);
	// After an error the instance is dropped: a read may still be writing into it.
	idle.push(kernels);
}

interface Band {
	readonly start: number;
	readonly end: number;
	/** Where its first element lies. */
	readonly address: number;
}

/** What the kernels read, and their names for it; everything else is made float32 first. */
const direct = {
	float32: { size: 4, name: 'Float32' },
	float16: { size: 2, name: 'Float16' },
	bfloat16: { size: 2, name: 'Bfloat16' }
} as const;
type Direct = keyof typeof direct;

function isDirect(dtype: TensorReader['dtype']): dtype is Direct {
	return dtype in direct;
}

/** As what an element lies in the workspace. */
function inWorkspace({ dtype }: TensorReader): Direct {
	return isDirect(dtype) ? dtype : 'float32';
}

/** Bytes of an element as it lies in the workspace. */
function elementSize(reader: TensorReader): number {
	return direct[inWorkspace(reader)].size;
}

type Recode = (from: number, to: number, count: number) => void;

/** Whether the kernel that recodes sets a flag for NaN and infinity: those that narrow do, those that widen or copy do not. */
const judgedByKernel = (from: Direct, to: FloatType) => to === 'float16' && from !== 'float16';

/** Recodes elements of the workspace as another type, from address to address. */
function recoder(workspace: Workspace, from: Direct, to: FloatType, flags: Flags): Recode {
	const { kernels } = workspace;
	const whole = (count: number) => Math.ceil(count / 8) * 8;
	if (from === to) {
		const { size } = direct[from];
		return (source, target, count) =>
			workspace.bytes(target, count * size).set(workspace.bytes(source, count * size));
	}
	if (to === 'float32') {
		const widen = from === 'float16' ? kernels.widenFloat16 : kernels.widenBfloat16;
		return (source, target, count) => widen(source, target, whole(count));
	}
	const narrow = from === 'float32' ? kernels.narrowFloat32 : kernels.narrowBfloat16;
	return (source, target, count) => {
		const vectors = count & ~7;
		if (vectors) narrow(source, target, vectors, flags.address);
		if (vectors === count) return;
		// What lies behind the last element is not to be judged.
		const { size } = direct[from];
		const rest = workspace.bytes(flags.rest, 8 * size);
		rest.fill(0).set(workspace.bytes(source + vectors * size, (count - vectors) * size));
		narrow(flags.rest, target + vectors * 2, 8, flags.address);
	};
}

/** Loads a tensor band by band into two regions in turns: one is read while the other one is in work. */
async function* bands(
	workspace: Workspace,
	reader: TensorReader,
	perBand: number,
	regions: readonly [number, number]
): AsyncGenerator<Band, void, void> {
	const { dtype, count } = reader;
	const load = async (start: number, part: number): Promise<Band> => {
		const end = Math.min(start + perBand, count);
		const address = workspace.address(regions[part & 1]!);
		if (isDirect(dtype)) {
			const target = workspace.bytes(address, (end - start) * direct[dtype].size);
			const bytes = await reader.read(start, end, target);
			if (bytes.buffer !== target.buffer || bytes.byteOffset !== target.byteOffset) target.set(bytes);
		} else {
			const data = fromBytes(dtype, await reader.read(start, end));
			const values = toFloat32({ dtype, dims: [end - start], data });
			workspace.bytes(address, values.data.byteLength).set(toBytes(values));
		}
		return { start, end, address };
	};
	let next: Promise<Band> | undefined = load(0, 0);
	try {
		for (let start = 0, part = 1; next && start < count; start += perBand, part++) {
			const band: Band = await next;
			next = band.end < count ? load(band.end, part) : undefined;
			yield band;
		}
	} finally {
		await next?.catch(() => undefined);
	}
}

/** The values in their order, as another type. A piece is valid as `Weight.pieces` says. */
export function encodeValues(reader: NamedTensor, type: FloatType): AsyncGenerator<Uint8Array, void, void> {
	return withKernels(async function* (kernels) {
		const perBand = BAND / 2;
		const band = perBand * elementSize(reader);
		const size = bytesPerElement[type];
		const workspace = new Workspace(kernels, [band, band, perBand * size, perBand * size, Flags.size]);
		const flags = new Flags(workspace, 4);
		const from = inWorkspace(reader);
		const judged = judgedByKernel(from, type);
		const recode = recoder(workspace, from, type, flags);
		let part = 0;
		for await (const { start, end, address } of bands(workspace, reader, perBand, [0, 1])) {
			const out = workspace.address(2 + (part++ & 1));
			if (!judged) refuseNotFinite(workspace, reader.name, from, address, end - start);
			recode(address, out, end - start);
			yield workspace.bytes(out, (end - start) * size);
		}
		flags.refuse(reader.name, NOT_HALF);
	});
}

/** Rows that are transposed together: as many float16 values as a cache line has. */
const ROWS = 32;
/** Columns of such rows whose lines stay in the first cache. */
const COLUMNS = 64;

/** A matrix [rows, columns] as [columns, rows]. A piece is valid as `Weight.pieces` says. */
export function encodeTransposed(
	reader: NamedTensor,
	rows: number,
	columns: number,
	type: FloatType
): AsyncGenerator<Uint8Array, void, void> {
	return withKernels(async function* (kernels) {
		const size = bytesPerElement[type];
		const rowBytes = columns * elementSize(reader);
		const perBand = Math.min(rows, Math.max(1, Math.floor(BAND / rowBytes / ROWS)) * ROWS);
		// A line more than a row: rows that lie a power of two apart would share their place in the cache.
		const stride = Math.ceil((columns * size) / 64) * 64 + 64;
		const workspace = new Workspace(kernels, [
			perBand * rowBytes,
			perBand * rowBytes,
			stride * ROWS,
			Flags.size,
			rows * columns * size
		]);
		const staged = workspace.address(2);
		const flags = new Flags(workspace, 3);
		const out = workspace.address(4);
		const from = inWorkspace(reader);
		const judged = judgedByKernel(from, type);
		const recode = recoder(workspace, from, type, flags);
		const view = (address: number, length: number) =>
			type === 'float32'
				? new Float32Array(kernels.memory.buffer, address, length)
				: new Uint16Array(kernels.memory.buffer, address, length);
		for await (const band of bands(workspace, reader, perBand * columns, [0, 1])) {
			const first = band.start / columns;
			const inBand = (band.end - band.start) / columns;
			if (!judged) refuseNotFinite(workspace, reader.name, from, band.address, band.end - band.start);
			for (let row = 0; row < inBand; row += ROWS) {
				const group = Math.min(ROWS, inBand - row);
				for (let i = 0; i < group; i++)
					recode(band.address + (row + i) * rowBytes, staged + i * stride, columns);
				const fast =
					type === 'float16' ? { rows: group & ~7, columns: columns & ~7 } : { rows: 0, columns: 0 };
				for (let c = 0; c < fast.columns; c += COLUMNS)
					for (let r = 0; r < fast.rows; r += 8)
						kernels.transposeEightRows(
							staged + r * stride + c * 2,
							stride,
							out + (c * rows + first + row + r) * 2,
							rows * 2,
							Math.min(COLUMNS, fast.columns - c)
						);
				// What is left of the columns, then of the rows.
				const source = view(staged, (stride / size) * group);
				const to = view(out, rows * columns);
				const copy = (r0: number, c0: number) => {
					for (let c = c0; c < columns; c++)
						for (let r = r0; r < group; r++)
							to[c * rows + first + row + r] = source[(r * stride) / size + c]!;
				};
				if (fast.rows === 0) copy(0, 0);
				else {
					copy(0, fast.columns);
					copy(fast.rows, 0);
				}
			}
		}
		flags.refuse(reader.name, NOT_HALF);
		const length = rows * columns * size;
		for (let at = 0; at < length; at += BAND) yield workspace.bytes(out + at, Math.min(BAND, length - at));
	});
}

/** The smaller tensors of a quantised matrix; filled while the packed values are made. */
export interface QuantizedSides {
	readonly scaleType: FloatType;
	/** Bytes of [rows, blocks] in that type. */
	readonly scales: Uint8Array;
	/** uint8 [rows, ceil(blocks · bits / 8)] */
	readonly zeroPoints: Uint8Array;
}

export function quantizedSides(
	rows: number,
	columns: number,
	bits: 4 | 8,
	scaleType: FloatType
): QuantizedSides {
	const blocks = Math.ceil(columns / BLOCK);
	return {
		scaleType,
		scales: new Uint8Array(rows * blocks * bytesPerElement[scaleType]),
		zeroPoints: new Uint8Array(rows * Math.ceil((blocks * bits) / 8))
	};
}

/**
 * The packed values of `quantizeMatrix` for a matrix [rows, columns]; scales and zero points go into `sides`. A piece is
 * valid as `Weight.pieces` says.
 */
export function encodeQuantized(
	reader: NamedTensor,
	rows: number,
	columns: number,
	bits: 4 | 8,
	sides: QuantizedSides
): AsyncGenerator<Uint8Array, void, void> {
	return withKernels(async function* (kernels) {
		const blocks = Math.ceil(columns / BLOCK);
		const packedRow = (blocks * BLOCK * bits) / 8;
		const zeroRow = Math.ceil((blocks * bits) / 8);
		const rowBytes = columns * elementSize(reader);
		const perBand = Math.max(1, Math.min(rows, Math.floor(BAND / rowBytes)));
		const workspace = new Workspace(kernels, [
			perBand * rowBytes,
			perBand * rowBytes,
			blocks * BLOCK * elementSize(reader),
			perBand * packedRow,
			perBand * packedRow,
			perBand * blocks * 4,
			perBand * zeroRow,
			Flags.size,
			perBand * blocks * 4,
			Flags.size
		]);
		const flags = new Flags(workspace, 7);
		const scaleFlags = new Flags(workspace, 9);
		const scaleSize = bytesPerElement[sides.scaleType];
		const recode = recoder(workspace, 'float32', sides.scaleType, scaleFlags);
		const recoded = workspace.address(8);
		const row = workspace.address(2);
		const scales = workspace.address(5);
		const zeros = workspace.address(6);
		let part = 0;
		const quantize = kernels[`quantize${bits}${direct[inWorkspace(reader)].name}`];
		// Rows that end within a block are filled up elsewhere.
		const inPlace = columns % BLOCK === 0;
		for await (const band of bands(workspace, reader, perBand * columns, [0, 1])) {
			const packed = workspace.address(3 + (part++ & 1));
			const first = band.start / columns;
			const count = (band.end - band.start) / columns;
			for (let i = 0; i < count; i++) {
				const at = band.address + i * rowBytes;
				if (!inPlace) {
					const filled = workspace.bytes(row, blocks * BLOCK * elementSize(reader));
					filled.set(workspace.bytes(at, rowBytes));
					filled.fill(0, rowBytes);
				}
				quantize(
					inPlace ? at : row,
					blocks,
					packed + i * packedRow,
					scales + i * blocks * 4,
					zeros + i * zeroRow,
					flags.address
				);
			}
			recode(scales, recoded, count * blocks);
			sides.scales.set(workspace.bytes(recoded, count * blocks * scaleSize), first * blocks * scaleSize);
			sides.zeroPoints.set(workspace.bytes(zeros, count * zeroRow), first * zeroRow);
			yield workspace.bytes(packed, count * packedRow);
		}
		flags.refuse(reader.name, NOT_FINITE);
		scaleFlags.refuse(reader.name, NOT_HALF);
	});
}

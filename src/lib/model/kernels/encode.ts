import type { TensorReader } from '../../checkpoint/checkpoint.ts';
import { bytesPerElement } from '../../tensor/tensor.ts';
import { fromBytes, toBytes } from '../../checkpoint/bytes.ts';
import { toFloat32 } from '../../tensor/half.ts';
import { BLOCK } from '../quantize.ts';
import { instantiateKernels, type KernelExports } from './kernels.ts';

/** What a stored weight can be. */
export type FloatType = 'float32' | 'float16';

/** Bytes of the checkpoint in work at a time; two such bands are in memory, one of which is being read. */
const BAND = 4 * 2 ** 20;
/** Kernels may touch a few bytes behind what they were given. */
const SLACK = 128;
/** Elements converted at a time, so that they stay in the first cache. */
const STRIP = 4096;

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
	/** Widens elements of the band, counted from its first, to float32 at an address. */
	widen(first: number, count: number, to: number): void;
}

/** What the kernels read; everything else is made float32 first. */
const direct = { float32: 4, float16: 2, bfloat16: 2 } as const;

function isDirect(dtype: TensorReader['dtype']): dtype is keyof typeof direct {
	return dtype in direct;
}

/** Bytes of an element as it lies in the workspace. */
function elementSize({ dtype }: TensorReader): number {
	return isDirect(dtype) ? direct[dtype] : 4;
}

/** Loads a tensor band by band into two regions in turns: one is read while the other one is in work. */
async function* bands(
	workspace: Workspace,
	reader: TensorReader,
	perBand: number,
	regions: readonly [number, number]
): AsyncGenerator<Band, void, void> {
	const { kernels } = workspace;
	const { dtype, count } = reader;
	const load = async (start: number, turn: number): Promise<Band> => {
		const end = Math.min(start + perBand, count);
		const address = workspace.address(regions[turn & 1]!);
		if (isDirect(dtype)) {
			const target = workspace.bytes(address, (end - start) * direct[dtype]);
			const bytes = await reader.read(start, end, target);
			if (bytes.buffer !== target.buffer || bytes.byteOffset !== target.byteOffset) target.set(bytes);
		} else {
			const data = fromBytes(dtype, await reader.read(start, end));
			const values = toFloat32({ dtype, dims: [end - start], data });
			workspace.bytes(address, values.data.byteLength).set(toBytes(values));
		}
		const size = elementSize(reader);
		return {
			start,
			end,
			address,
			widen(first, length, to) {
				const from = address + first * size;
				const whole = Math.ceil(length / 8) * 8;
				if (dtype === 'float16') kernels.widenFloat16(from, to, whole);
				else if (dtype === 'bfloat16') kernels.widenBfloat16(from, to, whole);
				else workspace.bytes(to, length * 4).set(workspace.bytes(from, length * 4));
			}
		};
	};
	let next: Promise<Band> | undefined = load(0, 0);
	try {
		for (let start = 0, turn = 1; next && start < count; start += perBand, turn++) {
			const band: Band = await next;
			next = band.end < count ? load(band.end, turn) : undefined;
			yield band;
		}
	} finally {
		await next?.catch(() => undefined);
	}
}

/** The values in their order, as another type. A piece is valid as `Weight.pieces` says. */
export function encodeValues(reader: TensorReader, type: FloatType): AsyncGenerator<Uint8Array, void, void> {
	return withKernels(async function* (kernels) {
		const perBand = BAND / 2;
		const band = perBand * elementSize(reader);
		const size = bytesPerElement[type];
		const workspace = new Workspace(kernels, [band, band, perBand * size, perBand * size, STRIP * 4]);
		const strip = workspace.address(4);
		let turn = 0;
		for await (const { start, end, address, widen } of bands(workspace, reader, perBand, [0, 1])) {
			const count = end - start;
			const out = workspace.address(2 + (turn++ & 1));
			if (type === 'float32' && elementSize(reader) === 4)
				workspace.bytes(out, count * 4).set(workspace.bytes(address, count * 4));
			else
				for (let at = 0; at < count; at += STRIP) {
					const length = Math.min(STRIP, count - at);
					if (type === 'float32') widen(at, length, out + at * 4);
					else {
						widen(at, length, strip);
						kernels.narrowFloat16(strip, out + at * 2, Math.ceil(length / 8) * 8);
					}
				}
			yield workspace.bytes(out, count * size);
		}
	});
}

/** Rows that are transposed together: as many float16 values as a cache line has. */
const ROWS = 32;
/** Columns of such rows whose lines stay in the first cache. */
const COLUMNS = 64;

/** A matrix [rows, columns] as [columns, rows]. A piece is valid as `Weight.pieces` says. */
export function encodeTransposed(
	reader: TensorReader,
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
			columns * 4,
			rows * columns * size
		]);
		const staged = workspace.address(2);
		const strip = workspace.address(3);
		const out = workspace.address(4);
		const view = (address: number, length: number) =>
			type === 'float32'
				? new Float32Array(kernels.memory.buffer, address, length)
				: new Uint16Array(kernels.memory.buffer, address, length);
		for await (const band of bands(workspace, reader, perBand * columns, [0, 1])) {
			const first = band.start / columns;
			const inBand = (band.end - band.start) / columns;
			for (let row = 0; row < inBand; row += ROWS) {
				const group = Math.min(ROWS, inBand - row);
				for (let i = 0; i < group; i++) {
					const to = staged + i * stride;
					if (type === 'float32') band.widen((row + i) * columns, columns, to);
					else {
						band.widen((row + i) * columns, columns, strip);
						kernels.narrowFloat16(strip, to, Math.ceil(columns / 8) * 8);
					}
				}
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
				const from = view(staged, (stride / size) * group);
				const to = view(out, rows * columns);
				const copy = (r0: number, c0: number) => {
					for (let c = c0; c < columns; c++)
						for (let r = r0; r < group; r++) to[c * rows + first + row + r] = from[(r * stride) / size + c]!;
				};
				if (fast.rows === 0) copy(0, 0);
				else {
					copy(0, fast.columns);
					copy(fast.rows, 0);
				}
			}
		}
		const length = rows * columns * size;
		for (let at = 0; at < length; at += BAND) yield workspace.bytes(out + at, Math.min(BAND, length - at));
	});
}

/** The smaller tensors of a quantised matrix; filled while the packed values are made. */
export interface QuantizedSides {
	/** float32 [rows, blocks] */
	readonly scales: Float32Array;
	/** uint8 [rows, ceil(blocks · bits / 8)] */
	readonly zeroPoints: Uint8Array;
}

export function quantizedSides(rows: number, columns: number, bits: 4 | 8): QuantizedSides {
	const blocks = Math.ceil(columns / BLOCK);
	return {
		scales: new Float32Array(rows * blocks),
		zeroPoints: new Uint8Array(rows * Math.ceil((blocks * bits) / 8))
	};
}

/**
 * The packed values of `quantizeMatrix` for a matrix [rows, columns]; scales and zero points go into `sides`. A piece is
 * valid as `Weight.pieces` says.
 */
export function encodeQuantized(
	reader: TensorReader,
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
			blocks * BLOCK * 4,
			perBand * packedRow,
			perBand * packedRow,
			perBand * blocks * 4,
			perBand * zeroRow
		]);
		const row = workspace.address(2);
		const scales = workspace.address(5);
		const zeros = workspace.address(6);
		let turn = 0;
		const quantize = bits === 4 ? kernels.quantizeRow4 : kernels.quantizeRow8;
		// Whole blocks of float32 are read where they lie.
		const inPlace = elementSize(reader) === 4 && columns % BLOCK === 0;
		for await (const band of bands(workspace, reader, perBand * columns, [0, 1])) {
			const packed = workspace.address(3 + (turn++ & 1));
			const first = band.start / columns;
			const count = (band.end - band.start) / columns;
			for (let i = 0; i < count; i++) {
				if (!inPlace) {
					band.widen(i * columns, columns, row);
					if (columns % BLOCK)
						new Float32Array(kernels.memory.buffer, row + columns * 4, blocks * BLOCK - columns).fill(0);
				}
				quantize(
					inPlace ? band.address + i * rowBytes : row,
					blocks,
					packed + i * packedRow,
					scales + i * blocks * 4,
					zeros + i * zeroRow
				);
			}
			const { buffer } = kernels.memory;
			sides.scales.set(new Float32Array(buffer, scales, count * blocks), first * blocks);
			sides.zeroPoints.set(new Uint8Array(buffer, zeros, count * zeroRow), first * zeroRow);
			yield workspace.bytes(packed, count * packedRow);
		}
	});
}

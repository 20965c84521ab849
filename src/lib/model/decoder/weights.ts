/** Brings a decoder's weights into the kernels' memory, piece by piece as they are read, each one once. */
import type { SessionRequest } from '../runtime/backend.ts';
import { onnxDataType } from '../../onnx/types.ts';
import { halvesToFloat32 } from '../../tensor/half.ts';
import { elementCount } from '../../tensor/tensor.ts';
import { OtherSizeError, readTensors, type Stored } from '../runtime/stored-tensors.ts';
import type { Arrange, Kernels } from './kernels.ts';
import { BLOCK, NotPlanned, type Matrix, type Plan } from './plan.ts';

/** Rows of a matrix that are multiplied side by side. */
export const GROUP = 4;
/** Bytes that are arranged at once, or a row where that is more. */
const BAND = 2 ** 17;

/** Weights as the kernels read them: addresses by name. */
export interface Weights {
	/** By the name of its numbers. */
	readonly matrices: ReadonlyMap<string, number>;
	readonly tables: ReadonlyMap<string, number>;
	release(): void;
}

/** @throws NotPlanned where sizes do not fit; otherwise as `folder.read`, after which nothing is left in the kernels' memory */
export async function placeWeights(
	{ heap, exports }: Kernels,
	plan: Plan,
	request: SessionRequest
): Promise<Weights> {
	const [matrices, tables] = [new Map<string, number>(), new Map<string, number>()];
	const release = () => {
		for (const at of [...matrices.values(), ...tables.values()]) heap.release(at);
	};
	const all: Stored[] = [];
	/** Where rows lie while they are arranged. */
	const band = { at: 0, size: 0 };
	const isHalf = (name: string) => plan.initializers.get(name)!.type === onnxDataType.float16;
	/** @param row bytes of a row as it is stored */
	const arranged = (name: string, { N, K }: Matrix, row: number, arrange: Arrange, to: number) => {
		const wide = isHalf(name) ? widened : (bytes: Uint8Array) => bytes;
		band.size = Math.max(band.size, isHalf(name) ? 2 * row : row, BAND);
		const put = (bytes: Uint8Array, first: number) => {
			const most = Math.floor(band.size / (isHalf(name) ? 2 * row : row)) * row;
			for (let at = 0; at < bytes.length; at += most) {
				const part = bytes.subarray(at, at + most);
				const values = wide(part);
				heap.bytes(band.at, values.length).set(values);
				arrange(band.at, first + at / row, part.length / row, Math.ceil(K / BLOCK), to);
			}
		};
		all.push({ name, length: N * row, take: wholeRows(row, put) });
	};
	try {
		for (const node of plan.nodes) {
			if (node.op !== 'product' || matrices.has(node.matrix.packed)) continue;
			const { packed, scales, zeros, N, K } = node.matrix;
			const blocks = Math.ceil(K / BLOCK);
			const size = exports.groupBytes(blocks);
			const groups = Math.ceil(N / GROUP);
			const to = heap.allocate(groups * size);
			matrices.set(packed, to);
			// Its last rows may be no row's.
			heap.bytes(to + (groups - 1) * size, size).fill(0);
			arranged(packed, node.matrix, blocks * (BLOCK / 2), exports.arrangeNumbers, to);
			arranged(scales, node.matrix, blocks * (isHalf(scales) ? 2 : 4), exports.arrangeScales, to);
			arranged(zeros, node.matrix, Math.ceil(blocks / 2), exports.arrangeZeros, to);
		}
		for (const [name, { dims }] of plan.tables) {
			const count = elementCount(dims);
			const to = heap.allocate(count * 4);
			tables.set(name, to);
			const put = (bytes: Uint8Array, at: number) => heap.bytes(to + at, bytes.length).set(bytes);
			all.push(
				isHalf(name)
					? {
							name,
							length: count * 2,
							take: wholeRows(2, (halves, first) => put(widened(halves), first * 4))
						}
					: { name, length: count * 4, take: put }
			);
		}
		band.at = heap.allocate(band.size);
		try {
			await readTensors(all, plan.initializers, request);
		} finally {
			heap.release(band.at);
		}
	} catch (error) {
		release();
		throw error instanceof OtherSizeError ? new NotPlanned(error.message) : error;
	}
	return { matrices, tables, release };
}

/** float16 values as float32 ones. */
function widened(bytes: Uint8Array): Uint8Array {
	// They may lie at an odd address.
	const halves = new Uint16Array(new Uint8Array(bytes).buffer);
	return new Uint8Array(halvesToFloat32(halves).buffer);
}

/** Hands whole rows on. @param put gets rows, and the number of the first one */
function wholeRows(row: number, put: (rows: Uint8Array, first: number) => void): Stored['take'] {
	/** The beginning of a row whose end has not come. */
	const begun = new Uint8Array(row);
	return (bytes, at) => {
		let from = 0;
		const known = at % row;
		if (known > 0) {
			from = Math.min(row - known, bytes.length);
			begun.set(bytes.subarray(0, from), known);
			if (known + from < row) return;
			put(begun, Math.floor(at / row));
		}
		const end = from + Math.floor((bytes.length - from) / row) * row;
		if (end > from) put(bytes.subarray(from, end), (at + from) / row);
		begun.set(bytes.subarray(end));
	};
}

/**
 * Rows of an embedding, looked up in the table as it is stored, which is then in memory once. The runtime has the file and a copy of it, and
 * its Cast, half a megabyte of code, makes Chromium's optimising compiler take another 100 MB while it is compiled (docs/SPEED.md).
 */
import type { TensorConstructor } from 'onnxruntime-common';
import type { Session, SessionRequest } from './backend.ts';
import { readModelFile, type FileInitializer, type FileNode } from '../../onnx/model-file.ts';
import { onnxDataType } from '../../onnx/types.ts';
import { halvesToFloat32 } from '../../tensor/half.ts';
import { OtherSizeError, readTensors } from './stored-tensors.ts';

const { float32: FLOAT32, float16: FLOAT16, uint8: UINT8 } = onnxDataType;

/** What a table's rows are made of, by names: numbers as they are, or in 8 bits by blocks (`embeddingGraph`). */
interface Rows {
	readonly values: FileInitializer;
	/** (values − zeros) · scales, each of a block. */
	readonly blocks?: { readonly scales: FileInitializer; readonly zeros: FileInitializer };
	readonly ids: string;
	readonly output: string;
}

/**
 * A session that is one look-up, bit by bit as the runtime does it; undefined where the graph is another one.
 * @param graph as it was read
 * @throws as `folder.read`
 */
export async function embeddingRows(
	Tensor: TensorConstructor,
	request: SessionRequest,
	graph: Uint8Array
): Promise<Session | undefined> {
	const rows = rowsOf(graph);
	if (!rows) return undefined;
	const { values, blocks, ids, output } = rows;
	const tables = new Map<string, Uint8Array<ArrayBuffer>>();
	const initializers = [values, ...(blocks ? [blocks.scales, blocks.zeros] : [])];
	try {
		await readTensors(
			initializers.map(({ name, dims, type }) => {
				const bytes = new Uint8Array(dims[0]! * dims[1]! * sizeOf(type));
				tables.set(name, bytes);
				return { name, length: bytes.length, take: (part, at) => bytes.set(part, at) };
			}),
			new Map(initializers.map((initializer) => [initializer.name, initializer])),
			request
		);
	} catch (error) {
		if (error instanceof OtherSizeError) return undefined;
		throw error;
	}
	const [count, width] = values.dims as [number, number];
	const read = blocks ? ofBlocks(values, blocks, tables) : asStored(values, tables.get(values.name)!);
	return {
		inputNames: [ids],
		outputNames: [output],
		async run(feeds, fetches) {
			const { data, dims } = feeds[ids]!;
			const all = Array.from(data as BigInt64Array, Number);
			const out = new Float32Array(all.length * width);
			for (const [i, id] of all.entries()) {
				if (!(id >= 0 && id < count))
					throw new RangeError(`The embedding has ${count} rows, and no row ${id}.`);
				read(id, out.subarray(i * width, (i + 1) * width));
			}
			const given = fetches[output];
			if (given) (given.data as Float32Array).set(out);
			return { [output]: given ?? new Tensor('float32', out, [...dims, width]) };
		},
		async release() {
			tables.clear();
		}
	};
}

/** Writes a row. */
type Read = (row: number, to: Float32Array) => void;

function asStored({ dims, type }: FileInitializer, { buffer }: Uint8Array<ArrayBuffer>): Read {
	const width = dims[1]!;
	if (type === FLOAT32) {
		const floats = new Float32Array(buffer);
		return (row, to) => to.set(floats.subarray(row * width, (row + 1) * width));
	}
	const halves = new Uint16Array(buffer);
	return (row, to) => to.set(halvesToFloat32(halves.subarray(row * width, (row + 1) * width)));
}

function ofBlocks(
	values: FileInitializer,
	blocks: NonNullable<Rows['blocks']>,
	tables: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
): Read {
	const width = values.dims[1]!;
	const each = blocks.scales.dims[1]!;
	const size = width / each;
	const [bytes, zeros] = [tables.get(values.name)!, tables.get(blocks.zeros.name)!];
	const scales = new Float32Array(tables.get(blocks.scales.name)!.buffer);
	return (row, to) => {
		for (let i = 0; i < width; i++) {
			const block = row * each + Math.floor(i / size);
			// A whole number of 9 bits times a float32 is exact in float64: it is rounded once, where it is written.
			to[i] = (bytes[row * width + i]! - zeros[block]!) * scales[block]!;
		}
	};
}

const sizeOf = (type: number) => (type === FLOAT32 ? 4 : type === FLOAT16 ? 2 : 1);

/** The rows that a graph looks up, where that is all it does. */
function rowsOf(graph: Uint8Array): Rows | undefined {
	const { nodes, initializers, inputs, outputs } = readModelFile(graph);
	const [[ids], [output]] = [inputs, outputs];
	if (ids === undefined || output === undefined || inputs.length > 1 || outputs.length > 1) return undefined;
	const makers = new Map(nodes.map((node) => [node.outputs[0]!, node]));
	const constants = new Map(initializers.map((initializer) => [initializer.name, initializer]));
	const seen = new Set<FileNode>();
	/** What makes a value, operators passed over that change its type to float32, its name or its shape alone. */
	const maker = (name: string, passed: readonly string[]): FileNode | undefined => {
		const node = makers.get(name);
		if (!node || node.domain !== '') return undefined;
		seen.add(node);
		const changesAlone = passed.includes(node.op) && (node.op !== 'Cast' || node.integers['to'] === FLOAT32);
		return changesAlone ? maker(node.inputs[0]!, passed) : node;
	};
	const table = (name: string, passed: readonly string[], types: readonly number[]) => {
		const node = maker(name, passed);
		if (node?.op !== 'Gather' || (node.integers['axis'] ?? 0) !== 0 || node.inputs[1] !== ids)
			return undefined;
		const found = constants.get(node.inputs[0]!);
		return found?.dims.length === 2 && types.includes(found.type) ? found : undefined;
	};
	const rows = (): Omit<Rows, 'ids' | 'output'> | undefined => {
		const values = table(output, ['Cast', 'Identity'], [FLOAT32, FLOAT16]);
		if (values) return { values };
		const product = maker(output, ['Reshape', 'Identity']);
		const difference = product?.op === 'Mul' ? maker(product.inputs[0]!, []) : undefined;
		if (!product || difference?.op !== 'Sub') return undefined;
		const shapes = ['Cast', 'Reshape', 'Unsqueeze'];
		const packed = table(difference.inputs[0]!, shapes, [UINT8]);
		const zeros = table(difference.inputs[1]!, shapes, [UINT8]);
		const scales = table(product.inputs[1]!, shapes, [FLOAT32]);
		if (!packed || !zeros || !scales) return undefined;
		const [count, width] = packed.dims as [number, number];
		const each = scales.dims[1]!;
		const fits = [scales, zeros].every(({ dims }) => dims[0] === count && dims[1] === each);
		return fits && width % each === 0 ? { values: packed, blocks: { scales, zeros } } : undefined;
	};
	const found = rows();
	return found && seen.size === nodes.length ? { ...found, ids, output } : undefined;
}

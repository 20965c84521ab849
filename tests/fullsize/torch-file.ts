import { elementCount } from '../../src/lib/tensor/tensor.ts';

/** A tensor of a file of torch.save. `part` gives bytes `[start, end)` of its little-endian values. */
export interface TorchTensor {
	readonly key: string;
	readonly dims: readonly number[];
	readonly dtype: 'bfloat16' | 'float32';
	readonly part: (start: number, end: number) => Uint8Array;
}

const CHUNK = 32 * 2 ** 20;
const ALIGNMENT = 64;
const text = (value: string) => new TextEncoder().encode(value);
const u16 = (value: number) => Uint8Array.of(value & 0xff, value >> 8);
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: number) => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);

/** The bytes of a file that `torch.save(OrderedDict(…))` could have written (zip64, stored), in order; memory stays at a chunk. */
export function* torchFile(tensors: readonly TorchTensor[]): Generator<Uint8Array, void, void> {
	const directory: Uint8Array[] = [];
	let offset = 0;
	function* add(path: string, size: number, chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
		const name = text(path);
		const common = [u16(45), u16(0), u16(0), u32(0), u32(0), u32(size), u32(size), u16(name.length)];
		// Only offsets that need it go to the 64-bit field: PyTorch's reader refuses the others.
		const wide = offset >= 0xffffffff;
		const extra = wide ? [u16(1), u16(8), u64(offset)] : [];
		directory.push(u32(0x02014b50), u16(45), ...common, u16(wide ? 12 : 0), u16(0), u16(0), u16(0), u32(0));
		directory.push(u32(wide ? 0xffffffff : offset), name, ...extra);
		// As PyTorch writes it: data begins at a multiple of 64, so that a file can be mapped to memory.
		const fill = new Uint8Array((ALIGNMENT - ((offset + 34 + name.length) % ALIGNMENT)) % ALIGNMENT).fill(
			0x5a
		);
		const padding = [text('FB'), u16(fill.length), fill];
		const header = [u32(0x04034b50), ...common, u16(4 + fill.length), name, ...padding];
		offset += header.reduce((sum, { length }) => sum + length, 0) + size;
		yield* header;
		yield* chunks;
	}
	const pickle = pickleOf(tensors);
	yield* add('archive/data.pkl', pickle.length, [pickle]);
	for (const [index, tensor] of tensors.entries()) {
		const size = elementCount(tensor.dims) * (tensor.dtype === 'float32' ? 4 : 2);
		yield* add(`archive/data/${index}`, size, chunksOf(tensor, size));
	}
	yield* add('archive/version', 2, [text('3\n')]);
	const start = offset;
	const size = directory.reduce((sum, { length }) => sum + length, 0);
	const count = tensors.length + 2;
	yield* directory;
	yield* [u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(count), u64(count), u64(size)];
	yield* [u64(start), u32(0x07064b50), u32(0), u64(start + size), u32(1)];
	yield* [u32(0x06054b50), u32(0), u16(0xffff), u16(0xffff), u32(0xffffffff), u32(0xffffffff), u16(0)];
}

function* chunksOf({ part }: TorchTensor, size: number): Generator<Uint8Array> {
	for (let at = 0; at < size; at += CHUNK) yield part(at, Math.min(at + CHUNK, size));
}

/** Protocol 2: OrderedDict of _rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()). */
function pickleOf(tensors: readonly TorchTensor[]): Uint8Array {
	const parts: Uint8Array[] = [];
	const op = (code: string) => parts.push(text(code));
	const string = (value: string) => {
		const bytes = text(value);
		parts.push(text('X'), u32(bytes.length), bytes);
	};
	const int = (value: number) => parts.push(text('J'), u32(value));
	const tuple = (values: readonly number[]) => {
		op('(');
		values.forEach(int);
		op('t');
	};
	parts.push(Uint8Array.of(0x80, 2));
	op('ccollections\nOrderedDict\n)R(');
	for (const [index, { key, dims, dtype }] of tensors.entries()) {
		string(key);
		op('ctorch._utils\n_rebuild_tensor_v2\n((');
		string('storage');
		op(`ctorch\n${dtype === 'float32' ? 'FloatStorage' : 'BFloat16Storage'}\n`);
		string(String(index));
		string('cpu');
		int(elementCount(dims));
		op('tQ');
		int(0);
		tuple(dims);
		tuple(dims.map((_, axis) => elementCount(dims.slice(axis + 1))));
		parts.push(Uint8Array.of(0x89));
		op('ccollections\nOrderedDict\n)RtR');
	}
	op('u.');
	const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

import { InputError } from '../tensor/errors.ts';
import { bytesPerElement, elementCount } from '../tensor/tensor.ts';
import type { DType, TypedArrays } from '../tensor/tensor.ts';
import { fromBytes, readRange, refuseStandIn } from './bytes.ts';
import type { Checkpoint, TensorEntry } from './checkpoint.ts';
import { PickleObject, PickleTuple, unpickle } from './pickle.ts';
import type { PickleDict, PickleGlobal, PickleValue } from './pickle.ts';
import type { ByteSource } from './source.ts';
import { openZip } from './zip.ts';
import type { ZipArchive, ZipEntry } from './zip.ts';

/** A type of number: one that is read, or torch's name of another (`complex64`, `float8_e5m2`), of which nothing but the name is known. */
type NumberType = DType | { readonly opaque: string };

const isOpaque = (type: NumberType | undefined): type is { readonly opaque: string } =>
	typeof type === 'object';

/** Raw bytes shared by the tensors that view them. `dtype` is undefined for torch's UntypedStorage. */
class Storage {
	readonly entry: ZipEntry;
	readonly dtype: NumberType | undefined;
	constructor(entry: ZipEntry, dtype: NumberType | undefined) {
		this.entry = entry;
		this.dtype = dtype;
	}
}

/** A tensor that cannot be read, which matters only when somebody needs it. */
class OpaqueTensor {
	/** Why, as the end of "Tensor NAME of FILE …". */
	readonly why: string;
	constructor(why: string) {
		this.why = why;
	}
}

/** A strided view of a storage; offset and strides count elements. */
class TensorView {
	readonly storage: Storage;
	readonly dtype: DType;
	readonly offset: number;
	readonly dims: readonly number[];
	readonly strides: readonly number[];

	constructor(
		storage: Storage,
		dtype: DType,
		offset: number,
		dims: readonly number[],
		strides: readonly number[]
	) {
		this.storage = storage;
		this.dtype = dtype;
		this.offset = offset;
		this.dims = dims;
		this.strides = strides;
	}
}

/**
 * Opens a file of `torch.save` (the zip format, PyTorch ≥ 1.6) that holds a state dict, bare or under `model`,
 * `module` or `state_dict`. The pickle inside is read by a restricted unpickler that executes nothing.
 */
export async function openTorchZip(source: ByteSource): Promise<Checkpoint> {
	await refuseOtherFormats(source);
	const zip = await openZip(source);
	const root = findRoot(source, zip);
	await refuseBigEndian(source, zip, root);

	const pickled = unpickle(await zip.read(zip.entries.get(`${root}data.pkl`)!), {
		name: source.name,
		globals: allowedGlobals(source.name),
		persistent: (id) => loadStorage(source.name, zip, root, id)
	});
	const { views, unreadable } = stateDict(source.name, pickled);
	const entries = new Map<string, TensorEntry>();
	for (const [name, { dtype, dims }] of views) entries.set(name, { name, dtype, dims });

	return {
		entries,
		unreadable,
		async read(name) {
			const view = views.get(name);
			if (!view) throw new InputError(`${source.name} has no tensor ${name}.`);
			return { dtype: view.dtype, dims: view.dims, data: await readView(zip, view) };
		},
		parts(name) {
			const view = views.get(name);
			if (!view || !isContiguous(view)) return undefined;
			const { dtype, dims, offset, storage } = view;
			const size = bytesPerElement[dtype];
			return {
				dtype,
				count: elementCount(dims),
				read: (start, end, into) =>
					zip.read(storage.entry, (offset + start) * size, (offset + end) * size, into)
			};
		}
	};
}

const resave = 'load it in PyTorch and write its state dict with torch.save(model.state_dict(), file)';

async function refuseOtherFormats(source: ByteSource): Promise<void> {
	await refuseStandIn(source);
	const start = await readRange(source, 0, 4, 'the file signature');
	const [first, second] = start;
	if (first === 0x50 && second === 0x4b) return;
	if (first === 0x80)
		throw new InputError(
			`${source.name} is in the file format of PyTorch before 1.6, which is not read; load it in a current PyTorch and torch.save it again.`
		);
	throw new InputError(`${source.name} is not a file of torch.save: it does not begin like a zip archive.`);
}

/** The archive's top folder with its slash, e.g. `archive/`. */
function findRoot(source: ByteSource, zip: ZipArchive): string {
	const names = [...zip.entries.keys()];
	const pickle = names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
	if (pickle === undefined)
		throw new InputError(`${source.name} is a zip archive, but not one of torch.save: it has no data.pkl.`);
	const root = pickle.slice(0, -'data.pkl'.length);
	if (zip.entries.has(`${root}constants.pkl`))
		throw new InputError(`${source.name} is a TorchScript program, not a state dict; ${resave}.`);
	return root;
}

async function refuseBigEndian(source: ByteSource, zip: ZipArchive, root: string): Promise<void> {
	const entry = zip.entries.get(`${root}byteorder`);
	if (!entry) return;
	const order = String.fromCharCode(...(await zip.read(entry, 0, Math.min(entry.size, 16)))).trim();
	if (order !== 'little')
		throw new InputError(
			`${source.name} holds ${order === 'big' ? 'big-endian' : 'an unknown order of'} bytes; save it again on a little-endian machine.`
		);
}

const storageTypes: Readonly<Record<string, DType>> = {
	FloatStorage: 'float32',
	DoubleStorage: 'float64',
	HalfStorage: 'float16',
	BFloat16Storage: 'bfloat16',
	LongStorage: 'int64',
	IntStorage: 'int32',
	ShortStorage: 'int16',
	CharStorage: 'int8',
	ByteStorage: 'uint8',
	BoolStorage: 'bool'
};

const dtypes: readonly DType[] = Object.keys(bytesPerElement) as DType[];

/** Storage classes and dtypes of torch 2 that no weight of ours has; a file may hold such tensors as long as nobody needs them. */
const opaqueStorages: Readonly<Record<string, string>> = {
	ComplexFloatStorage: 'complex64',
	ComplexDoubleStorage: 'complex128',
	QInt8Storage: 'qint8',
	QUInt8Storage: 'quint8',
	QInt32Storage: 'qint32',
	QUInt4x2Storage: 'quint4x2',
	QUInt2x4Storage: 'quint2x4'
};
const opaqueDtypes: readonly string[] = [
	...Object.values(opaqueStorages),
	...['complex32', 'uint16', 'uint32', 'uint64', 'float8_e4m3fn', 'float8_e4m3fnuz', 'float8_e5m2'],
	...['float8_e5m2fnuz', 'float8_e8m0fnu', 'float4_e2m1fn_x2']
];

/** A global that means a storage class or a dtype; `dtype` is undefined for an untyped storage. */
interface TypeGlobal extends PickleGlobal {
	readonly type: 'storage' | 'dtype';
	readonly dtype: NumberType | undefined;
}

const isTypeGlobal = (value: PickleValue | undefined, type: TypeGlobal['type']): value is TypeGlobal =>
	typeof value === 'object' && value !== null && 'type' in value && value.type === type;

/** Everything that a pickle of weights may name. */
function allowedGlobals(file: string): Map<string, PickleGlobal> {
	const all: (PickleGlobal | TypeGlobal)[] = [
		{ global: 'collections.OrderedDict', call: (args) => orderedDict(file, args) },
		{ global: 'torch.Size', call: ([size]) => size ?? new PickleTuple([]) },
		{ global: 'torch._utils._rebuild_tensor', call: (args) => rebuildTensor(file, args) },
		{ global: 'torch._utils._rebuild_tensor_v2', call: (args) => rebuildTensor(file, args) },
		{ global: 'torch._utils._rebuild_tensor_v3', call: (args) => rebuildTensor(file, args, args[6]) },
		// A parameter is its tensor; whether it was trained, its hooks and its attributes are of no weight here.
		{ global: 'torch._utils._rebuild_parameter', call: ([data]) => data ?? null },
		{ global: 'torch._utils._rebuild_parameter_with_state', call: ([data]) => data ?? null }
	];
	const storages: [string, NumberType][] = [
		...Object.entries(storageTypes),
		...Object.entries(opaqueStorages).map(([name, opaque]): [string, NumberType] => [name, { opaque }])
	];
	for (const [name, dtype] of storages)
		for (const module of ['torch', 'torch.cuda', 'torch.storage'])
			all.push({ global: `${module}.${name}`, type: 'storage', dtype });
	for (const name of ['UntypedStorage', '_UntypedStorage', 'TypedStorage', '_TypedStorage'])
		for (const module of ['torch', 'torch.storage'])
			all.push({ global: `${module}.${name}`, type: 'storage', dtype: undefined });
	for (const dtype of dtypes) all.push({ global: `torch.${dtype}`, type: 'dtype', dtype });
	for (const opaque of opaqueDtypes)
		all.push({ global: `torch.${opaque}`, type: 'dtype', dtype: { opaque } });
	return new Map(all.map((entry) => [entry.global, entry]));
}

const malformed = (file: string, what: string) =>
	new InputError(`${file} is damaged: ${what}; copy or download it again, or ${resave}.`);

/** OrderedDict() or OrderedDict([(key, value), …]). */
function orderedDict(file: string, [items]: readonly PickleValue[]): PickleDict {
	const dict: PickleDict = new Map();
	if (items === undefined) return dict;
	for (const pair of Array.isArray(items) ? items : [null]) {
		const [key, value] = Array.isArray(pair) ? pair : pair instanceof PickleTuple ? pair.items : [];
		if (key === undefined || value === undefined) throw malformed(file, 'it has a malformed OrderedDict');
		dict.set(key, value);
	}
	return dict;
}

/** Persistent id: ('storage', storage class, key, location, number of elements). */
function loadStorage(file: string, zip: ZipArchive, root: string, id: PickleValue): PickleValue {
	const [tag, type, key, , count] = id instanceof PickleTuple ? id.items : [];
	if (tag !== 'storage' || !isTypeGlobal(type, 'storage') || typeof key !== 'string' || !isCount(count))
		throw malformed(file, 'it refers to a storage in an unknown way');
	const entry = zip.entries.get(`${root}data/${key}`);
	if (!entry) throw malformed(file, `the storage ${root}data/${key} is missing`);
	const size = count * (type.dtype && !isOpaque(type.dtype) ? bytesPerElement[type.dtype] : 1);
	if (entry.size < size)
		throw malformed(file, `storage ${entry.name} has ${entry.size} bytes where ${size} are expected`);
	return new PickleObject(new Storage(entry, type.dtype));
}

const isCount = (value: PickleValue | undefined): value is number =>
	typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** An expanded view (stride 0) may be larger than its storage, but not much. */
const EXPANDED_LIMIT = 2 ** 24;

/**
 * Arguments: storage, offset, size, stride, requires_grad, hooks, then (v2) the bits of a view that is computed when it is read,
 * `{'conj': True}` or `{'neg': True}`, or (v3) the dtype.
 */
function rebuildTensor(file: string, args: readonly PickleValue[], dtypeArg?: PickleValue): PickleValue {
	const [holder, offset, size, stride] = args;
	const storage = holder instanceof PickleObject ? holder.value : undefined;
	const dims = size instanceof PickleTuple ? size.items : [];
	const strides = stride instanceof PickleTuple ? stride.items : [];
	if (
		!(storage instanceof Storage) ||
		!isCount(offset) ||
		!(size instanceof PickleTuple && dims.every(isCount)) ||
		!(stride instanceof PickleTuple && strides.every(isCount)) ||
		dims.length !== strides.length
	)
		throw malformed(file, 'it has a malformed tensor');
	const dtype = isTypeGlobal(dtypeArg, 'dtype') ? dtypeArg.dtype : storage.dtype;
	if (!dtype) throw new InputError(`${file} has a tensor without a known dtype; ${resave}.`);
	if (isOpaque(dtype))
		return new PickleObject(
			new OpaqueTensor(
				`has numbers of type ${dtype.opaque}, which is not supported; the types read are ${dtypes.join(', ')}`
			)
		);
	const bits = dtypeArg === undefined ? args[6] : args[7];
	const lazy =
		bits instanceof Map
			? [...bits].flatMap(([bit, on]) => (on === true ? [typeof bit === 'string' ? bit : 'unnamed'] : []))
			: [];
	if (lazy.length > 0)
		return new PickleObject(
			new OpaqueTensor(`is a view of other numbers (${lazy.join(', ')}); save it as a tensor of its own`)
		);
	const view = new TensorView(storage, dtype, offset, dims, strides);
	const bytes = bytesPerElement[dtype];
	const { name, size: storageSize } = storage.entry;
	if (spanOf(view).end * bytes > storageSize)
		throw malformed(file, `a tensor [${dims.join(', ')}] reaches beyond its storage ${name}`);
	const count = elementCount(dims);
	if (!Number.isSafeInteger(count) || count * bytes > Math.max(storageSize, EXPANDED_LIMIT))
		throw new InputError(
			`${file} has an expanded tensor [${dims.join(', ')}] over ${storageSize} bytes; make it contiguous before saving.`
		);
	return new PickleObject(view);
}

/** Elements of the storage from the view's first to behind its last; empty for a view without elements. */
function spanOf({ offset, dims, strides }: TensorView): { start: number; end: number } {
	if (elementCount(dims) === 0) return { start: 0, end: 0 };
	const last = dims.reduce((index, dim, axis) => index + (dim - 1) * strides[axis]!, offset);
	return { start: offset, end: last + 1 };
}

function isContiguous({ dims, strides }: TensorView): boolean {
	let expected = 1;
	for (let axis = dims.length - 1; axis >= 0; axis--) {
		if (dims[axis] !== 1 && strides[axis] !== expected) return false;
		expected *= dims[axis]!;
	}
	return true;
}

async function readView(zip: ZipArchive, view: TensorView): Promise<TypedArrays[DType]> {
	const { start, end } = spanOf(view);
	const bytes = bytesPerElement[view.dtype];
	const span = fromBytes(view.dtype, await zip.read(view.storage.entry, start * bytes, end * bytes));
	return isContiguous(view) || span.length === 0 ? span : gather(span, view);
}

/** Copies a strided view into row-major order; `source` begins at the view's first element. */
function gather<A extends TypedArrays[DType]>(source: A, { dims, strides }: TensorView): A {
	const count = elementCount(dims);
	const Type = source.constructor as new (length: number) => A;
	const out = new Type(count);
	const index = dims.map(() => 0);
	let at = 0;
	for (let i = 0; i < count; i++) {
		out[i] = source[at]!;
		for (let axis = dims.length - 1; axis >= 0; axis--) {
			at += strides[axis]!;
			if (++index[axis]! < dims[axis]!) break;
			at -= strides[axis]! * dims[axis]!;
			index[axis] = 0;
		}
	}
	return out;
}

const wrappers = ['state_dict', 'model', 'module'];

/** The named tensors of what was unpickled, and those that cannot be read. */
function stateDict(
	file: string,
	value: PickleValue
): { readonly views: Map<string, TensorView>; readonly unreadable: Map<string, string> } {
	if (!(value instanceof Map))
		throw new InputError(`${file} does not hold a state dict (a dict of tensors); ${resave}.`);
	const wrapped = wrappers.map((key) => value.get(key)).find((inner) => inner instanceof Map);
	const views = new Map<string, TensorView>();
	const unreadable = new Map<string, string>();
	for (const [name, holder] of wrapped ?? value) {
		const view = holder instanceof PickleObject ? holder.value : undefined;
		if (typeof name === 'string' && view instanceof OpaqueTensor) {
			unreadable.set(name, `of ${file} ${view.why}`);
			continue;
		}
		if (typeof name !== 'string' || !(view instanceof TensorView)) {
			// Modules may keep a note beside their tensors.
			if (typeof name === 'string' && name.endsWith('_extra_state')) continue;
			throw new InputError(
				`${file} does not hold a plain state dict: its entry ${typeof name === 'string' ? JSON.stringify(name) : 'under a key that is no string'} is no tensor; ${resave}.`
			);
		}
		views.set(name, view);
	}
	if (views.size === 0) throw new InputError(`${file} holds no tensors that can be read; ${resave}.`);
	return { views, unreadable };
}

/** A language decoder's graph, run by kernels of our own. */
import type { Tensor } from 'onnxruntime-common';
import type { Session, SessionRequest } from '../runtime/backend.ts';
import { halvesToFloat32 } from '../../tensor/half.ts';
import { elementCount } from '../../tensor/tensor.ts';
import { cacheBytes, inKernels, type CachePlace, type Kernels } from './kernels.ts';
import { BLOCK, planGraph, type AttentionNode, type Matrix, type Plan, type PlannedNode } from './plan.ts';
import { Float, Program } from './steps.ts';
import { GROUP, placeWeights, type Weights } from './weights.ts';

/** Queries that attention works on at once, and keys for which it makes one part more. */
const LANES = 4;
const KEYS = 64;
/** Units of a step for each thread, so that one that is interrupted leaves the rest to the others. */
const SHARES = 4;
/** Keys of a part are a multiple of it, so that parts are as long as each other. */
const KEY_STEP = 8;
/** Steps that a node becomes at most. */
const STEPS_OF_A_NODE = 3;

/** A value [row, column] on its way, float32. */
interface Value {
	readonly at: number;
	readonly rows: number;
	readonly columns: number;
	/** Whose memory is not given back when it has been read for the last time. */
	readonly kept: boolean;
	/** The same in 8 bits, once it was needed. */
	quantized?: number;
}

/**
 * @param graph as it was read
 * @throws NotPlanned when the graph has what the kernels do not know; otherwise as `folder.read`
 */
export async function decoderSession(
	kernels: Kernels,
	request: SessionRequest,
	graph: Uint8Array
): Promise<Session> {
	const plan = planGraph(graph);
	const decoder = new Decoder(kernels, plan, await placeWeights(kernels, plan, request));
	const stay = new Set(request.stayOnDevice);
	return {
		inputNames: plan.inputs,
		outputNames: plan.outputs,
		memory: kernels.memory,
		run: async (feeds, fetches) => decoder.run(feeds, fetches, stay),
		release: async () => decoder.release()
	};
}

class Decoder {
	readonly #kernels: Kernels;
	readonly #plan: Plan;
	readonly #weights: Weights;
	readonly #program: Program;
	/** The last run that reads and writes nothing but memory which stays, with a program of its own: the next one is mostly the same. */
	#kept: Pass | undefined;
	/** Values that each node reads, and how often each is read. */
	readonly #reads = new Map<PlannedNode, readonly string[]>();
	readonly #readers = new Map<string, number>();

	constructor(kernels: Kernels, plan: Plan, weights: Weights) {
		this.#kernels = kernels;
		this.#plan = plan;
		this.#weights = weights;
		this.#program = new Program(kernels.heap);
		for (const node of plan.nodes) {
			const names = valuesOf(node);
			this.#reads.set(node, names);
			for (const name of names) this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
		}
	}

	async run(
		feeds: Readonly<Record<string, Tensor>>,
		fetches: Readonly<Record<string, Tensor | null>>,
		stay: ReadonlySet<string>
	): Promise<Record<string, Tensor>> {
		const run = { feeds, fetches };
		if (this.#kept?.takes(run)) return this.#kept.again(run);
		const keep = isSettled(this.#plan, run);
		if (keep) {
			this.#kept?.release();
			this.#kept = undefined;
		}
		const pass = new Pass(this.#kernels, {
			plan: this.#plan,
			weights: this.#weights,
			program: keep ? new Program(this.#kernels.heap) : this.#program,
			reads: this.#reads,
			readers: this.#readers,
			run,
			keep
		});
		try {
			await pass.prepare();
			const outputs = pass.compute(stay);
			if (keep) this.#kept = pass;
			return outputs;
		} finally {
			if (this.#kept !== pass) pass.release();
		}
	}

	release(): void {
		this.#kept?.release();
		this.#weights.release();
		this.#program.release();
	}
}

/** Parts that keys are cut into at most, so that each thread has as many units as the others. */
export function partsOf(units: number, threads: number): number {
	if (threads === 1 || units >= threads * SHARES) return 1;
	let parts = Math.ceil((threads * SHARES) / units);
	while ((units * parts) % threads !== 0) parts++;
	return parts;
}

/** Values that a node reads, cache and weights aside. */
function valuesOf(node: PlannedNode): readonly string[] {
	if (node.op === 'attention') return [node.query, node.key, node.value].filter((name) => name !== undefined);
	if (node.op === 'normalize') return node.skip === undefined ? [node.x] : [node.x, node.skip];
	return node.op === 'combine' ? [node.a, node.b] : [node.x];
}

/** What a run is given. */
interface Run {
	readonly feeds: Readonly<Record<string, Tensor>>;
	readonly fetches: Readonly<Record<string, Tensor | null>>;
}

/** Whether what a run of one row reads and writes, whole numbers aside, lies in the kernels' memory and stays there. */
function isSettled({ inputs, pasts }: Plan, { feeds, fetches }: Run): boolean {
	const places = inputs.map((name) => feeds[name]!).filter(isFloat);
	return (
		Object.values(fetches).every((tensor) => tensor && inKernels(tensor)) &&
		places.every((tensor) => inKernels(tensor)) &&
		inputs.every((name) => pasts.has(name) || !isFloat(feeds[name]!) || feeds[name]!.dims[1] === 1)
	);
}

interface PassOptions {
	readonly plan: Plan;
	readonly weights: Weights;
	readonly program: Program;
	readonly reads: ReadonlyMap<PlannedNode, readonly string[]>;
	readonly readers: ReadonlyMap<string, number>;
	readonly run: Run;
	/** Its program is run again: memory of values that have been read is this run's own for as long as it is there. */
	readonly keep: boolean;
}

/** One run of the graph, or several that differ in positions and caches alone. */
class Pass {
	readonly #kernels: Kernels;
	readonly #all: PassOptions;
	#run: Run;
	readonly #values = new Map<string, Value>();
	readonly #left: Map<string, number>;
	readonly #caches = new Map<string, CachePlace>();
	/** Numbers of rows that are gathered, by input. */
	readonly #lists = new Map<string, number>();
	/** Positions of the run. */
	#rows = 0;
	/** Memory that ends with the run. */
	readonly #own = new Set<number>();
	/** Of it what is free again, by size, where it is kept. */
	readonly #spare = new Map<number, number[]>();
	readonly #sizes = new Map<number, number>();
	/** Tensors that are to be written into, or null for new ones, by the names by which outputs are made. */
	readonly #wanted: ReadonlyMap<string, Tensor | null>;

	constructor(kernels: Kernels, all: PassOptions) {
		this.#kernels = kernels;
		this.#all = all;
		this.#run = all.run;
		this.#left = new Map(all.readers);
		const made = (name: string) => all.plan.madeAs.get(name) ?? name;
		const wanted = new Map<string, Tensor | null>();
		// Of two names for one value the one that is to be written into somewhere says where.
		for (const [name, tensor] of Object.entries(all.run.fetches))
			if (tensor || !wanted.has(made(name))) wanted.set(made(name), tensor);
		this.#wanted = wanted;
	}

	/** Whether a run is this one with other positions, or caches that lie elsewhere. */
	takes({ feeds, fetches }: Run): boolean {
		const { plan } = this.#all;
		const before = this.#run;
		const at = (tensor: Tensor | null | undefined) => (tensor ? inKernels(tensor)?.at : undefined);
		const names = Object.keys(fetches);
		return (
			names.length === Object.keys(before.fetches).length &&
			names.every((name) => {
				const [given, known] = [at(fetches[name]), at(before.fetches[name])];
				if (given === undefined || known === undefined) return false;
				const past = this.#pastOf.get(plan.madeAs.get(name) ?? name);
				return past === undefined ? given === known : given === at(feeds[past]);
			}) &&
			plan.inputs.every((name) => {
				const [tensor, known] = [feeds[name]!, before.feeds[name]!];
				if (plan.pasts.has(name)) return at(tensor) !== undefined;
				if (isFloat(tensor)) return at(tensor) === at(known);
				return tensor.size === known.size;
			})
		);
	}

	/** Runs it once more. */
	again(run: Run): Record<string, Tensor> {
		this.#run = run;
		this.#numbers = undefined;
		for (const name of this.#all.plan.pasts) {
			const tensor = run.feeds[name]!;
			this.#caches.set(name, { at: inKernels(tensor)!.at, room: tensor.dims[2]! });
		}
		for (const [present, past] of this.#pastOf) this.#caches.set(present, this.#caches.get(past)!);
		for (const [name, at] of this.#lists) this.#writeList(name, at);
		this.#all.program.renew();
		this.#kernels.run(this.#all.program);
		return run.fetches as Record<string, Tensor>;
	}

	/** What each cache was before the run, by what it is after it. */
	get #pastOf(): ReadonlyMap<string, string> {
		return (this.#pasts ??= new Map(
			this.#all.plan.nodes.flatMap((node): (readonly [string, string])[] =>
				node.op === 'attention'
					? [
							[node.presentKey, node.pastKey],
							[node.presentValue, node.pastValue]
						]
					: []
			)
		));
	}
	#pasts: ReadonlyMap<string, string> | undefined;

	/** Brings inputs into the kernels' memory. */
	async prepare(): Promise<void> {
		const { plan } = this.#all;
		const { feeds } = this.#run;
		for (const name of plan.inputs) {
			const tensor = feeds[name]!;
			if (plan.pasts.has(name)) {
				const at = await this.#bringCache(tensor);
				this.#caches.set(name, { at, room: tensor.dims[2]! });
			} else if (isFloat(tensor)) {
				const [, rows = 0, columns = 0] = tensor.dims;
				this.#rows = rows;
				this.#values.set(name, { at: await this.#bring(tensor), rows, columns, kept: true });
			}
		}
		// What is written here must lie where no step before its own writes: it comes before all of them.
		for (const node of plan.nodes)
			if (node.op === 'gather') this.#list(node.rows);
			else if (node.op === 'attention') {
				this.#makeRoom(node, node.pastKey, node.presentKey);
				this.#makeRoom(node, node.pastValue, node.presentValue);
			}
	}

	compute(stay: ReadonlySet<string>): Record<string, Tensor> {
		const { plan, program } = this.#all;
		const { fetches } = this.#run;
		program.begin(plan.nodes.length * STEPS_OF_A_NODE);
		for (const node of plan.nodes) this.#add(node);
		this.#kernels.run(program);
		return Object.fromEntries(
			Object.entries(fetches).map(([name, given]) => [name, given ?? this.#output(name, stay.has(name))])
		);
	}

	release(): void {
		for (const at of this.#own) this.#kernels.heap.release(at);
		this.#own.clear();
		if (this.#all.keep) this.#all.program.release();
	}

	/** Where a tensor's values lie in the kernels' memory: there already, or copied for this run. */
	async #bring(tensor: Tensor): Promise<number> {
		const place = inKernels(tensor);
		if (place) return place.at;
		const values = await floatsOf(tensor);
		const at = this.#allocate(values.length * 4);
		this.#kernels.heap.floats(at, values.length).set(values);
		return at;
	}

	/** The same of keys or values: what comes from elsewhere is plain floats. */
	async #bringCache(tensor: Tensor): Promise<number> {
		const place = inKernels(tensor);
		if (place?.cached) return place.at;
		const { buffer, byteOffset, byteLength } = await floatsOf(tensor);
		const at = this.#allocate(cacheBytes(tensor.dims));
		this.#kernels.narrow(new Uint8Array(buffer, byteOffset, byteLength), tensor.dims, at);
		return at;
	}

	#allocate(bytes: number): number {
		const at = this.#spare.get(bytes)?.pop() ?? this.#kernels.heap.allocate(bytes);
		this.#own.add(at);
		if (this.#all.keep) this.#sizes.set(at, bytes);
		return at;
	}

	#free(at: number): void {
		const size = this.#sizes.get(at);
		if (size !== undefined) {
			this.#spare.set(size, [...(this.#spare.get(size) ?? []), at]);
			return;
		}
		this.#own.delete(at);
		this.#kernels.heap.release(at);
	}

	#output(name: string, stays: boolean): Tensor {
		const made = this.#all.plan.madeAs.get(name) ?? name;
		const type = this.#all.plan.halves.has(name) ? 'float16' : 'float32';
		const cache = this.#caches.get(made);
		if (cache) {
			const node = this.#all.plan.nodes.find(
				(node): node is AttentionNode =>
					node.op === 'attention' && (node.presentKey === made || node.presentValue === made)
			)!;
			const dims = [1, node.kvHeads, cache.room, this.#widthOf(node)];
			if (this.#keeps(cache.at, stays)) return this.#kernels.cache(type, dims, cache.at);
			return this.#kernels.copied(type, this.#kernels.widened(cache.at, dims), dims);
		}
		const { at, rows, columns } = this.#values.get(made)!;
		const dims = [1, rows, columns];
		if (type === 'float32' && this.#keeps(at, stays)) return this.#kernels.tensor(type, dims, at);
		return this.#kernels.copied(type, this.#kernels.read(at, elementCount(dims)), dims);
	}

	/** Whether a piece becomes the output itself, which then outlasts the run. */
	#keeps(at: number, stays: boolean): boolean {
		return stays && this.#own.delete(at);
	}

	/** Memory for a value, or that of the tensor which it is to be written into. */
	#make(name: string, rows: number, columns: number): Value {
		const given = this.#wanted.get(name);
		const place = given ? inKernels(given) : undefined;
		const value = {
			at: place?.at ?? this.#allocate(rows * columns * 4),
			rows,
			columns,
			kept: place !== undefined || this.#wanted.has(name)
		};
		this.#values.set(name, value);
		return value;
	}

	/** A value that a node reads; its memory is given back once the step that reads it last is written. */
	#read(name: string): Value {
		return this.#values.get(name)!;
	}

	#done(name: string): void {
		const left = this.#left.get(name)! - 1;
		this.#left.set(name, left);
		const value = this.#values.get(name);
		if (left > 0 || !value) return;
		if (value.quantized !== undefined) this.#free(value.quantized);
		value.quantized = undefined;
		if (!value.kept) this.#free(value.at);
	}

	#add(node: PlannedNode): void {
		const { program, weights } = this.#all;
		switch (node.op) {
			case 'product':
				this.#product(node.x, node.matrix, node.output);
				break;
			case 'normalize': {
				const { at, rows, columns } = this.#read(node.x);
				const skip = node.skip === undefined ? 0 : this.#read(node.skip).at;
				const normed = this.#make(node.output, rows, columns).at;
				const residual = node.residual === undefined ? 0 : this.#make(node.residual, rows, columns).at;
				const weight = weights.tables.get(node.weight)!;
				const epsilon = new Float(node.epsilon);
				program.step('normalize', rows, [at, skip, weight, columns, epsilon, normed, residual]);
				break;
			}
			case 'attention':
				this.#attention(node);
				break;
			case 'quickGelu':
			case 'scale': {
				const { at, rows, columns } = this.#read(node.x);
				const y = this.#make(node.output, rows, columns).at;
				const factor = new Float(node.op === 'scale' ? node.factor : node.alpha);
				program.step(node.op, rows, [at, columns, factor, y]);
				break;
			}
			case 'combine': {
				const { at, rows, columns } = this.#read(node.a);
				const table = weights.tables.get(node.b);
				const b = table ?? this.#read(node.b).at;
				const y = this.#make(node.output, rows, columns).at;
				program.step('combine', rows, [at, b, columns, Number(table === undefined), Number(node.times), y]);
				break;
			}
			case 'gather':
				this.#gather(node);
				break;
		}
		for (const name of this.#all.reads.get(node)!) this.#done(name);
	}

	#product(x: string, { packed, N, K }: Matrix, output: string): void {
		const { program, weights } = this.#all;
		const { exports, threads } = this.#kernels;
		const value = this.#read(x);
		const { rows } = value;
		const blocks = Math.ceil(K / BLOCK);
		if (value.quantized === undefined) {
			value.quantized = this.#allocate(exports.activationBytes(rows, blocks));
			program.step('quantize', rows, [value.at, K, rows, value.quantized]);
		}
		const y = this.#make(output, rows, N).at;
		const groups = Math.ceil(N / GROUP);
		const each = Math.ceil(groups / (threads * SHARES));
		const w = weights.matrices.get(packed)!;
		program.step('product', Math.ceil(groups / each), [value.quantized, rows, w, N, blocks, y, each]);
	}

	#gather({ x, rows: name, output }: Extract<PlannedNode, { op: 'gather' }>): void {
		const { at, columns } = this.#read(x);
		const indices = this.#indices.get(name)!;
		const y = this.#make(output, indices.length, columns).at;
		this.#all.program.step('gather', indices.length, [at, this.#lists.get(name)!, columns, y]);
	}

	#list(name: string): void {
		const indices = this.#indices.get(name)!;
		const at = this.#allocate(indices.length * 4);
		this.#writeList(name, at);
		this.#lists.set(name, at);
	}

	#writeList(name: string, at: number): void {
		const indices = this.#indices.get(name)!;
		new Int32Array(this.#kernels.heap.memory.buffer, at, indices.length).set(indices);
	}

	#widthOf({ cos }: AttentionNode): number {
		return 2 * this.#all.plan.initializers.get(cos)!.dims[1]!;
	}

	#attention(node: AttentionNode): void {
		const { program, weights } = this.#all;
		const { threads } = this.#kernels;
		const { heads, kvHeads } = node;
		const width = this.#widthOf(node);
		const query = this.#read(node.query);
		const { rows } = query;
		const row = width * 4;
		const key = node.key === undefined ? undefined : this.#read(node.key);
		const value = node.value === undefined ? undefined : this.#read(node.value);
		const keys = () => this.#caches.get(node.presentKey)!;
		const values = () => this.#caches.get(node.presentValue)!;
		const output = this.#make(node.output, rows, heads * width).at;
		const tiles = Math.ceil((rows * heads) / kvHeads / LANES);
		const units = kvHeads * tiles;
		const most = partsOf(units, threads);
		const parts = () => Math.min(Math.ceil(this.#positions().total / KEYS), most);
		const partKeys = () => KEY_STEP * Math.ceil(this.#positions().total / parts() / KEY_STEP);
		const partial = most > 1 ? this.#allocate(units * most * (2 + width) * LANES * 4) : 0;
		const args = [
			...[query.at, key?.at ?? query.at + heads * row, value?.at ?? query.at + (heads + kvHeads) * row],
			...[query.columns * 4, (key ?? query).columns * 4],
			...[weights.tables.get(node.cos)!, weights.tables.get(node.sin)!],
			...[() => keys().at, () => values().at, () => keys().room, () => this.#positions().past],
			...[rows, heads, kvHeads, width],
			...[new Float(node.scale ?? 1 / Math.sqrt(width)), output, parts, partKeys, partial]
		];
		program.step('remember', rows, args);
		program.step('attend', () => units * parts(), args);
		if (most > 1) {
			program.step('join', () => (parts() > 1 ? units : 0), args);
			this.#free(partial);
		}
	}

	/** The cache with room for the positions of this run: the one that was given, where outputs are written into it, or a new one. */
	#makeRoom(node: AttentionNode, pastName: string, presentName: string): void {
		const old = this.#caches.get(pastName)!;
		const given = this.#wanted.get(presentName);
		if (given && inKernels(given)?.at === old.at) {
			this.#caches.set(presentName, old);
			return;
		}
		const { kvHeads } = node;
		const width = this.#widthOf(node);
		const { total, past } = this.#positions();
		const made = { at: this.#allocate(cacheBytes([kvHeads, total, width])), room: total };
		this.#kernels.copyCache(old, made, [kvHeads, width], past);
		this.#caches.set(presentName, made);
	}

	/** Positions with those of this run, and those before it. */
	#positions(): Readonly<Record<'total' | 'past', number>> {
		const total = this.#indices.get(this.#all.plan.total!)![0]!;
		return { total, past: total - this.#rows };
	}

	/** Whole numbers that are fed, by input. */
	get #indices(): ReadonlyMap<string, readonly number[]> {
		return (this.#numbers ??= new Map(
			Object.entries(this.#run.feeds).flatMap(([name, tensor]) =>
				tensor.type === 'int64' || tensor.type === 'int32' ? [[name, wholeNumbers(tensor)] as const] : []
			)
		));
	}
	#numbers: ReadonlyMap<string, readonly number[]> | undefined;
}

const isFloat = ({ type }: Tensor) => type === 'float32' || type === 'float16';

/** Values of a tensor that lies elsewhere. */
async function floatsOf(tensor: Tensor): Promise<Float32Array> {
	const data = await tensor.getData();
	if (tensor.type === 'float32') return data as Float32Array;
	// Where there is Float16Array it is one.
	const { buffer, byteOffset, length } = data as Uint16Array;
	return halvesToFloat32(new Uint16Array(buffer, byteOffset, length));
}

function wholeNumbers(tensor: Tensor): number[] {
	const place = inKernels(tensor);
	if (!place) return Array.from(tensor.data as Int32Array | BigInt64Array, Number);
	const { buffer, byteOffset } = place.bytes();
	return tensor.type === 'int32'
		? [...new Int32Array(buffer, byteOffset, tensor.size)]
		: Array.from(new BigInt64Array(buffer, byteOffset, tensor.size), Number);
}

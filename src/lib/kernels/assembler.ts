/**
 * Writes WebAssembly modules: just what `kernels.ts` needs of the format (WebAssembly Core Specification 2.0, chapter 5).
 * Code is an expression's bytes: an instruction is a function of its operands' code, so that `i32.add(a, b)` reads as it is
 * meant and a mistyped operand does not compile.
 */

declare const type: unique symbol;

/** Code that leaves one value of a type on the stack. */
export type Expression<T extends ValueType> = readonly number[] & { readonly [type]: T };
/** Code that leaves nothing. */
export type Statement = readonly number[] & { readonly [type]: 'void' };

export type ValueType = 'i32' | 'f32' | 'v128';

const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

const expression = <T extends ValueType>(...parts: readonly (number | readonly number[])[]) =>
	parts.flat() as unknown as Expression<T>;
const statement = (...parts: readonly (number | readonly number[])[]) => parts.flat() as unknown as Statement;

/** LEB128 */
function unsigned(value: number): number[] {
	const bytes: number[] = [];
	do {
		const byte = value & 0x7f;
		value >>>= 7;
		bytes.push(value ? byte | 0x80 : byte);
	} while (value);
	return bytes;
}

function signed(value: number): number[] {
	for (const bytes: number[] = []; ;) {
		const byte = value & 0x7f;
		value >>= 7;
		const last = (value === 0 && !(byte & 0x40)) || (value === -1 && (byte & 0x40) !== 0);
		bytes.push(last ? byte : byte | 0x80);
		if (last) return bytes;
	}
}

type Binary<A extends ValueType, B extends ValueType = A, R extends ValueType = A> = (
	a: Expression<A>,
	b: Expression<B>
) => Expression<R>;
type Unary<A extends ValueType, R extends ValueType = A> = (a: Expression<A>) => Expression<R>;

const binary =
	<A extends ValueType, B extends ValueType = A, R extends ValueType = A>(op: number): Binary<A, B, R> =>
	(a, b) =>
		expression(a, b, op);

/** Instructions of the vector set have a prefix. */
const vector = (op: number) => [0xfd, ...unsigned(op)];
const vector1 =
	<A extends ValueType = 'v128', R extends ValueType = 'v128'>(op: number): Unary<A, R> =>
	(a) =>
		expression(a, vector(op));
const vector2 =
	<B extends ValueType = 'v128'>(op: number): Binary<'v128', B> =>
	(a, b) =>
		expression(a, b, vector(op));
const lane =
	<R extends ValueType>(op: number) =>
	(a: Expression<'v128'>, index: number): Expression<R> =>
		expression(a, vector(op), index);

/** Alignment hint 0 is always right. */
const address = (offset: number) => [0, ...unsigned(offset)];
const load =
	<R extends ValueType>(op: readonly number[]) =>
	(at: Expression<'i32'>, offset = 0): Expression<R> =>
		expression(at, op, address(offset));
const store =
	<V extends ValueType>(op: readonly number[]) =>
	(at: Expression<'i32'>, value: Expression<V>, offset = 0): Statement =>
		statement(at, value, op, address(offset));

export const i32 = {
	const: (value: number) => expression<'i32'>(0x41, signed(value)),
	add: binary<'i32'>(0x6a),
	mul: binary<'i32'>(0x6c),
	and: binary<'i32'>(0x71),
	or: binary<'i32'>(0x72),
	xor: binary<'i32'>(0x73),
	shl: binary<'i32'>(0x74),
	shrU: binary<'i32'>(0x76),
	rotr: binary<'i32'>(0x78),
	ltU: binary<'i32'>(0x49),
	load: load<'i32'>([0x28]),
	load8U: load<'i32'>([0x2d]),
	store: store<'i32'>([0x36]),
	store8: store<'i32'>([0x3a])
};

export const f32 = {
	store: store<'f32'>([0x38])
};

export const v128 = {
	load: load<'v128'>(vector(0x00)),
	/** Four unsigned 16-bit numbers, widened to 32 bits. */
	load16x4U: load<'v128'>(vector(0x04)),
	store: store<'v128'>(vector(0x0b)),
	/** The same 32 bits in every lane. */
	bits: (value: number) =>
		expression<'v128'>(vector(0x0c), [...new Uint8Array(Uint32Array.of(value, value, value, value).buffer)]),
	and: vector2(0x4e),
	or: vector2(0x50),
	xor: vector2(0x51),
	/** Bits of `a` where the mask is set, of `b` elsewhere. */
	bitselect: (a: Expression<'v128'>, b: Expression<'v128'>, mask: Expression<'v128'>) =>
		expression<'v128'>(a, b, mask, vector(0x52)),
	/** Bytes of `a` (0 to 15) and `b` (16 to 31). */
	shuffle: (a: Expression<'v128'>, b: Expression<'v128'>, bytes: readonly number[]) =>
		expression<'v128'>(a, b, vector(0x0d), bytes)
};

export const i8x16 = {
	/** 16 signed 16-bit lanes, limited to 0 … 255. */
	narrowI16U: vector2(0x66),
	minU: vector2(0x77)
};

export const i16x8 = {
	/** 8 signed 32-bit lanes, limited to what 16 bits hold. */
	narrowI32S: vector2(0x85),
	narrowI32U: vector2(0x86),
	shl: vector2<'i32'>(0x8b),
	shrU: vector2<'i32'>(0x8d),
	sub: vector2(0x91),
	gtS: vector2(0x31),
	maxS: vector2(0x98)
};

export const i32x4 = {
	extract: lane<'i32'>(0x1b),
	extendLowI16S: vector1(0xa7),
	extendHighI16S: vector1(0xa8),
	extendLowI16U: vector1(0xa9),
	extendHighI16U: vector1(0xaa),
	shl: vector2<'i32'>(0xab),
	shrU: vector2<'i32'>(0xad),
	add: vector2(0xae),
	sub: vector2(0xb1),
	gtS: vector2(0x3b),
	geS: vector2(0x3f)
};

export const i64x2 = {
	shrU: vector2<'i32'>(0xcd)
};

export const f32x4 = {
	extract: lane<'f32'>(0x1f),
	ne: vector2(0x42),
	lt: vector2(0x43),
	neg: vector1(0xe1),
	add: vector2(0xe4),
	sub: vector2(0xe5),
	mul: vector2(0xe6),
	div: vector2(0xe7),
	/** b < a ? b : a */
	pmin: vector2(0xea),
	/** a < b ? b : a */
	pmax: vector2(0xeb)
};

/** Byte indices for `shuffle` from indices of groups of bytes. */
export const groups = (size: number, ...indices: readonly number[]) =>
	indices.flatMap((index) => Array.from({ length: size }, (_, i) => index * size + i));

export function select<T extends ValueType>(
	yes: Expression<T>,
	no: Expression<T>,
	condition: Expression<'i32'>
): Expression<T> {
	return expression<T>(yes, no, condition, 0x1b);
}

/** A parameter or local variable of a function. */
export interface Local<T extends ValueType> {
	readonly get: Expression<T>;
	set(value: Expression<T>): Statement;
	/** Sets it and leaves the value. */
	tee(value: Expression<T>): Expression<T>;
}

/** Runs `body` while `condition` holds, at least once. */
export function repeat(condition: Expression<'i32'>, ...body: readonly Statement[]): Statement {
	return statement(0x03, 0x40, body.flat(), condition, 0x0d, 0, 0x0b);
}

/** A function under construction. */
export class Assembly {
	readonly name: string;
	readonly #parameters: number;
	readonly #types: ValueType[] = [];
	#body: readonly number[] = [];

	/** @param build gets the function and its i32 parameters; gives its body */
	constructor(
		name: string,
		parameters: number,
		build: (assembly: Assembly, ...parameters: readonly Local<'i32'>[]) => readonly Statement[]
	) {
		this.name = name;
		this.#parameters = parameters;
		const own = Array.from({ length: parameters }, (_, index) => local<'i32'>(index));
		this.#body = build(this, ...own).flat();
	}

	local<T extends ValueType>(kind: T): Local<T> {
		this.#types.push(kind);
		return local(this.#parameters + this.#types.length - 1);
	}

	get parameters(): number {
		return this.#parameters;
	}

	/** Its entry of the code section. */
	get code(): readonly number[] {
		const locals = this.#types.map((kind) => [1, typeCodes[kind]]);
		const content = [...unsigned(locals.length), ...locals.flat(), ...this.#body, 0x0b];
		return [...unsigned(content.length), ...content];
	}
}

function local<T extends ValueType>(index: number): Local<T> {
	return {
		get: expression<T>(0x20, unsigned(index)),
		set: (value) => statement(value, 0x21, unsigned(index)),
		tee: (value) => expression<T>(value, 0x22, unsigned(index))
	};
}

/** The bytes of a module that exports `memory` (one page at first) and the functions. */
export function assemble(functions: readonly Assembly[]): Uint8Array<ArrayBuffer> {
	const section = (id: number, items: readonly (readonly number[])[]) => {
		const content = [...unsigned(items.length), ...items.flat()];
		return [id, ...unsigned(content.length), ...content];
	};
	const name = (text: string) => [...unsigned(text.length), ...new TextEncoder().encode(text)];
	const types = functions.map(({ parameters }) => [
		0x60,
		...unsigned(parameters),
		...Array.from({ length: parameters }, () => typeCodes.i32),
		0
	]);
	return Uint8Array.from([
		...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, types),
		...section(
			3,
			functions.map((_, index) => unsigned(index))
		),
		...section(5, [[0, 1]]),
		...section(7, [
			[...name('memory'), 2, 0],
			...functions.map((f, index) => [...name(f.name), 0, ...unsigned(index)])
		]),
		...section(
			10,
			functions.map((f) => f.code)
		)
	]);
}

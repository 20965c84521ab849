import { InputError } from '../tensor/errors.ts';
import { decodeText } from './bytes.ts';

/**
 * A restricted reader of Python pickles: it builds plain values and calls nothing but the functions of an allow-list.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py.
 */

/** What a name such as `collections.OrderedDict` stands for. Without `call` it can be named, but not called. */
export interface PickleGlobal {
	readonly global: string;
	readonly call?: (args: readonly PickleValue[]) => PickleValue;
}

export class PickleTuple {
	readonly items: readonly PickleValue[];
	constructor(items: readonly PickleValue[]) {
		this.items = items;
	}
}

/** A value made by a function of the allow-list (a tensor, say); the pickle can only pass it on. */
export class PickleObject<T = unknown> {
	readonly value: T;
	constructor(value: T) {
		this.value = value;
	}
}

export type PickleDict = Map<PickleValue, PickleValue>;

/** Lists are arrays, dicts are Maps, int is a number where that is exact. */
export type PickleValue =
	| null
	| boolean
	| number
	| bigint
	| string
	| Uint8Array
	| PickleTuple
	| PickleObject
	| PickleGlobal
	| Set<PickleValue>
	| PickleDict
	| PickleValue[];

export interface PickleRules {
	/** File's name for messages. */
	readonly name: string;
	/** The allow-list: `module.name` → what it stands for. */
	readonly globals: ReadonlyMap<string, PickleGlobal>;
	/** Turns a persistent id into a value (torch: a storage). */
	readonly persistent: (id: PickleValue) => PickleValue;
}

const SIZE_LIMIT = 64 * 2 ** 20;
/** One tensor takes about 30 opcodes. */
const OPCODE_LIMIT = 8_000_000;
/** Largest integer that is read, in bytes or digits; larger ones cost quadratic time. */
const INTEGER_LIMIT = 1024;

const MARK = Symbol('mark');
type Slot = PickleValue | typeof MARK;

/** Reads one pickle. Everything unusual (unknown names, calls of other things, bad opcodes, truncation) is an InputError. */
export function unpickle(bytes: Uint8Array, rules: PickleRules): PickleValue {
	if (bytes.length > SIZE_LIMIT)
		throw new InputError(
			`${rules.name} has a pickle of ${bytes.length} bytes, more than the ${SIZE_LIMIT} allowed.`
		);
	return new Machine(bytes, rules).run();
}

/** `module.name`, shown in messages with what is not printable taken out. */
const printable = (text: string) => text.slice(0, 120).replace(/[^\x20-\x7e]/g, '?');

class Machine {
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	readonly #rules: PickleRules;
	readonly #memo = new Map<number, PickleValue>();
	#stack: Slot[] = [];
	#at = 0;

	constructor(bytes: Uint8Array, rules: PickleRules) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#rules = rules;
	}

	run(): PickleValue {
		for (let count = 0; count < OPCODE_LIMIT; count++) {
			const opcode = this.#bytes[this.#take(1)]!;
			if (opcode === 0x2e /* STOP */) return this.#pop();
			const step = opcodes[opcode];
			if (step) step(this);
			else this.fail(`it uses pickle opcode 0x${opcode.toString(16).padStart(2, '0')}, which is not allowed`);
		}
		return this.fail(`its pickle has more than ${OPCODE_LIMIT} steps`);
	}

	fail(what: string): never {
		throw new InputError(`${this.#rules.name} is refused: ${what}.`);
	}

	#damaged(what: string): never {
		throw new InputError(`${this.#rules.name} is damaged: ${what} in its pickle; copy or download it again.`);
	}

	// Bytes

	#take(count: number): number {
		const start = this.#at;
		if (start + count > this.#bytes.length) this.#damaged('unexpected end');
		this.#at = start + count;
		return start;
	}

	uint(size: 1 | 2 | 4 | 8): number {
		const start = this.#take(size);
		if (size === 1) return this.#view.getUint8(start);
		if (size === 2) return this.#view.getUint16(start, true);
		if (size === 4) return this.#view.getUint32(start, true);
		return Number(this.#view.getBigUint64(start, true));
	}

	int32(): number {
		return this.#view.getInt32(this.#take(4), true);
	}

	float64(): number {
		return this.#view.getFloat64(this.#take(8), false);
	}

	raw(size: number): Uint8Array {
		const start = this.#take(size);
		return this.#bytes.subarray(start, start + size);
	}

	text(size: number): string {
		return decodeText(this.raw(size), this.#rules.name);
	}

	/** Text up to the next line feed, which is taken too. */
	line(): string {
		const end = this.#bytes.indexOf(0x0a, this.#at);
		if (end < 0) this.#damaged('unexpected end');
		const text = this.text(end - this.#at);
		this.#at = end + 1;
		return text;
	}

	/** Little-endian two's complement of `size` bytes. */
	long(size: number): PickleValue {
		if (size > INTEGER_LIMIT) this.fail(`its pickle holds an integer of ${size} bytes`);
		let value = 0n;
		const bytes = this.raw(size);
		for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
		return plainInteger(BigInt.asIntN(Math.max(8, size * 8), value));
	}

	/** An integer in decimal (protocol 0). */
	decimal(digits: string): PickleValue {
		if (digits.length > INTEGER_LIMIT || !/^[+-]?\d+$/.test(digits)) this.#damaged('an invalid integer');
		return plainInteger(BigInt(digits.replace(/^\+/, '')));
	}

	// Stack

	push(value: PickleValue): void {
		this.#stack.push(value);
	}

	mark(): void {
		this.#stack.push(MARK);
	}

	#pop(): PickleValue {
		const value = this.#stack.pop();
		if (value === undefined || value === MARK) this.#damaged('a missing operand');
		return value;
	}

	pop(): PickleValue {
		return this.#pop();
	}

	/** Drops the top of the stack, which may be a mark. */
	drop(): void {
		if (this.#stack.pop() === undefined) this.#damaged('a missing operand');
	}

	top(): PickleValue {
		const value = this.#stack.at(-1);
		if (value === undefined || value === MARK) this.#damaged('a missing operand');
		return value;
	}

	/** Everything above the last mark; takes the mark too. */
	popToMark(): PickleValue[] {
		const at = this.#stack.lastIndexOf(MARK);
		if (at < 0) this.#damaged('a missing mark');
		const items = this.#stack.slice(at + 1) as PickleValue[];
		this.#stack.length = at;
		return items;
	}

	// Memo

	put(index: number): void {
		this.#memo.set(index, this.top());
	}

	memoize(): void {
		this.put(this.#memo.size);
	}

	get(index: number): void {
		const value = this.#memo.get(index);
		if (value === undefined) this.#damaged('a reference to nothing');
		this.push(value);
	}

	// Containers

	append(items: readonly PickleValue[]): void {
		const list = this.top();
		if (!Array.isArray(list)) this.#damaged('an append to something that is no list');
		for (const item of items) list.push(item);
	}

	setItems(dict: PickleValue, items: readonly PickleValue[]): void {
		if (!(dict instanceof Map) || items.length % 2 !== 0)
			this.#damaged('a key set on something that is no dict');
		for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
	}

	addItems(items: readonly PickleValue[]): void {
		const set = this.top();
		if (!(set instanceof Set)) this.#damaged('an item added to something that is no set');
		for (const item of items) set.add(item);
	}

	// Names and calls

	global(module: PickleValue, name: PickleValue): void {
		const named = typeof module === 'string' && typeof name === 'string';
		const path = named ? `${module}.${name}` : 'something without a name';
		const found = named ? this.#rules.globals.get(path) : undefined;
		if (!found)
			this.fail(
				`its pickle names ${printable(path)}, which is not on the list of what a weights file may use; nothing was executed (save the bare state dict if you trust the file)`
			);
		this.push(found);
	}

	reduce(): void {
		const args = this.#pop();
		const callee = this.#pop();
		if (!isGlobal(callee) || !callee.call || !(args instanceof PickleTuple))
			this.fail(
				`its pickle calls ${isGlobal(callee) ? callee.global : 'something that is no function'}, which is not allowed; nothing was executed (save the bare state dict if you trust the file)`
			);
		this.push(callee.call(args.items));
	}

	/**
	 * Attributes set on an object. A state dict carries `_metadata` this way; attributes of a dict are dropped and those
	 * of anything else refused.
	 */
	build(): void {
		const state = this.#pop();
		if (!(this.top() instanceof Map) || !(state instanceof Map))
			this.fail('its pickle sets attributes on something that is no dict, which is not allowed');
	}

	persistent(id: PickleValue): void {
		this.push(this.#rules.persistent(id));
	}
}

function isGlobal(value: PickleValue): value is PickleGlobal {
	return typeof value === 'object' && value !== null && 'global' in value;
}

function plainInteger(value: bigint): PickleValue {
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : value;
}

/** Text of protocol 0; names of tensors need none of its escapes. */
function unescaped(machine: Machine, text: string): string {
	if (text.includes('\\'))
		machine.fail('its pickle holds a string with escapes (protocol 0), which is not supported');
	return text;
}

/** A quoted string of protocol 0. */
function unquoted(machine: Machine, literal: string): string {
	const match = /^(['"])(.*)\1$/.exec(literal);
	if (!match) machine.fail('its pickle holds a string without quotes');
	return unescaped(machine, match[2]!);
}

type Step = (machine: Machine) => void;

const opcodes: Readonly<Record<number, Step>> = {
	0x80: (m) => void m.uint(1), // PROTO
	0x95: (m) => void m.uint(8), // FRAME
	0x28: (m) => m.mark(),
	0x30: (m) => m.drop(), // POP
	0x31: (m) => void m.popToMark(), // POP_MARK
	0x32: (m) => m.push(m.top()), // DUP

	0x4e: (m) => m.push(null), // NONE
	0x88: (m) => m.push(true), // NEWTRUE
	0x89: (m) => m.push(false), // NEWFALSE
	0x4b: (m) => m.push(m.uint(1)), // BININT1
	0x4d: (m) => m.push(m.uint(2)), // BININT2
	0x4a: (m) => m.push(m.int32()), // BININT
	0x8a: (m) => m.push(m.long(m.uint(1))), // LONG1
	0x8b: (m) => m.push(m.long(m.uint(4))), // LONG4
	// INT: 00 and 01 are the booleans of protocol 0.
	0x49: (m) => {
		const digits = m.line();
		m.push(digits === '01' ? true : digits === '00' ? false : m.decimal(digits));
	},
	0x4c: (m) => m.push(m.decimal(m.line().replace(/L$/, ''))), // LONG
	0x47: (m) => m.push(m.float64()), // BINFLOAT
	0x46: (m) => m.push(Number(m.line())), // FLOAT

	0x8c: (m) => m.push(m.text(m.uint(1))), // SHORT_BINUNICODE
	0x58: (m) => m.push(m.text(m.uint(4))), // BINUNICODE
	0x8d: (m) => m.push(m.text(m.uint(8))), // BINUNICODE8
	0x56: (m) => m.push(unescaped(m, m.line())), // UNICODE
	0x55: (m) => m.push(m.text(m.uint(1))), // SHORT_BINSTRING
	0x54: (m) => m.push(m.text(m.uint(4))), // BINSTRING
	0x53: (m) => m.push(unquoted(m, m.line())), // STRING
	0x43: (m) => m.push(m.raw(m.uint(1))), // SHORT_BINBYTES
	0x42: (m) => m.push(m.raw(m.uint(4))), // BINBYTES
	0x8e: (m) => m.push(m.raw(m.uint(8))), // BINBYTES8

	0x29: (m) => m.push(new PickleTuple([])), // EMPTY_TUPLE
	0x85: (m) => m.push(new PickleTuple([m.pop()])), // TUPLE1
	0x86: (m) => {
		const second = m.pop();
		m.push(new PickleTuple([m.pop(), second]));
	},
	0x87: (m) => {
		const third = m.pop();
		const second = m.pop();
		m.push(new PickleTuple([m.pop(), second, third]));
	},
	0x74: (m) => m.push(new PickleTuple(m.popToMark())), // TUPLE
	0x5d: (m) => m.push([]), // EMPTY_LIST
	0x6c: (m) => m.push(m.popToMark()), // LIST
	0x61: (m) => {
		const item = m.pop();
		m.append([item]); // APPEND
	},
	0x65: (m) => {
		const items = m.popToMark();
		m.append(items); // APPENDS
	},
	0x7d: (m) => m.push(new Map()), // EMPTY_DICT
	0x64: (m) => {
		const items = m.popToMark();
		const dict: PickleDict = new Map();
		m.setItems(dict, items); // DICT
		m.push(dict);
	},
	0x73: (m) => {
		const value = m.pop();
		const key = m.pop();
		m.setItems(m.top(), [key, value]); // SETITEM
	},
	0x75: (m) => {
		const items = m.popToMark();
		m.setItems(m.top(), items); // SETITEMS
	},
	0x8f: (m) => m.push(new Set()), // EMPTY_SET
	0x90: (m) => m.addItems(m.popToMark()), // ADDITEMS
	0x91: (m) => m.push(new Set(m.popToMark())), // FROZENSET

	0x71: (m) => m.put(m.uint(1)), // BINPUT
	0x72: (m) => m.put(m.uint(4)), // LONG_BINPUT
	0x70: (m) => m.put(Number(m.line())), // PUT
	0x94: (m) => m.memoize(),
	0x68: (m) => m.get(m.uint(1)), // BINGET
	0x6a: (m) => m.get(m.uint(4)), // LONG_BINGET
	0x67: (m) => m.get(Number(m.line())), // GET

	// GLOBAL
	0x63: (m) => {
		const module = m.line();
		m.global(module, m.line());
	},
	// STACK_GLOBAL
	0x93: (m) => {
		const name = m.pop();
		m.global(m.pop(), name);
	},
	// INST names a class and makes one: refused through the same list, and again as a call.
	0x69: (m) => {
		const module = m.line();
		m.global(module, m.line());
		m.fail('its pickle makes an object by opcode INST, which is not allowed');
	},
	0x52: (m) => m.reduce(),
	0x62: (m) => m.build(),
	0x51: (m) => m.persistent(m.pop()), // BINPERSID
	0x50: (m) => m.persistent(m.line()) // PERSID
};

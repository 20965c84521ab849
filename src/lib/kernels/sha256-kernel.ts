/**
 * The compression of SHA-256 (FIPS 180-4, 6.2) as WebAssembly. Four words of the message schedule at a time are made as a vector,
 * between the rounds of an earlier four, whose arithmetic waits for itself; rounds are unrolled, so that no variable moves.
 */
import {
	assemble,
	Assembly,
	groups,
	i32,
	i32x4,
	i64x2,
	repeat,
	v128,
	type Expression,
	type Local,
	type Statement
} from './assembler.ts';

type Word = Expression<'i32'>;
type Vector = Expression<'v128'>;

/** Initial hash: fractional parts of the square roots of the first 8 primes (5.3.3). */
export const SHA256_START: Readonly<Uint32Array> = Uint32Array.from(firstPrimes(8), (prime) =>
	fraction(Math.sqrt(prime))
);
/** Round constants: fractional parts of the cube roots of the first 64 primes (4.2.2). */
const constants = Uint32Array.from(firstPrimes(64), (prime) => fraction(Math.cbrt(prime)));

function firstPrimes(count: number): number[] {
	const primes: number[] = [];
	for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime)) primes.push(n);
	return primes;
}

function fraction(value: number): number {
	return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

/** What lies where in the module's memory. */
const STATE = 0;
const CONSTANTS = 64;
/** Words of the schedule, each with its constant added. */
const SCHEDULE = CONSTANTS + 256;
const DATA = 1024;
const PAGE = 65536;

const zero = i32.const(0);
const rotr = (x: Word, by: number) => i32.rotr(x, i32.const(by));
const xor3 = (a: Word, b: Word, c: Word) => i32.xor(i32.xor(a, b), c);
const shiftRight = (x: Vector, by: number) => i32x4.shrU(x, i32.const(by));
const rotateRight = (x: Vector, by: number) => v128.or(shiftRight(x, by), i32x4.shl(x, i32.const(32 - by)));

/** Byte indices for `shuffle` from indices of words. */
const words = (...indices: readonly number[]) => groups(4, ...indices);
const bigEndian = words(0, 1, 2, 3).map((byte) => byte ^ 3);

/** Hashes whole blocks from `from` up to `end`, at least one, into the state. */
const compress = new Assembly('compress', 2, (f, from, end) => {
	const state = Array.from({ length: 8 }, () => f.local('i32'));
	const sum = f.local('i32');
	/** a ⊕ b of a round, which is b ⊕ c of the next one. */
	const differences = [f.local('i32'), f.local('i32')] as const;
	/** The last 16 words of the schedule. */
	const recent = Array.from({ length: 4 }, () => f.local('v128'));
	const shifted = f.local('v128');
	const doubled = f.local('v128');

	const round = (index: number): Statement[] => {
		/** The k-th of a … h: they change places from round to round. */
		const at = (k: number) => state[(k - index) & 7]!;
		const [a, b, d, e, h] = [at(0), at(1), at(3), at(4), at(7)];
		const [ab, bc] = [differences[index & 1]!, differences[(index + 1) & 1]!];
		const word = i32.load(zero, SCHEDULE + 4 * index);
		const choice = i32.xor(at(6).get, i32.and(e.get, i32.xor(at(5).get, at(6).get)));
		const majority = i32.xor(b.get, i32.and(ab.tee(i32.xor(a.get, b.get)), bc.get));
		return [
			sum.set(
				i32.add(i32.add(i32.add(h.get, word), choice), xor3(rotr(e.get, 6), rotr(e.get, 11), rotr(e.get, 25)))
			),
			d.set(i32.add(d.get, sum.get)),
			h.set(i32.add(i32.add(sum.get, majority), xor3(rotr(a.get, 2), rotr(a.get, 13), rotr(a.get, 22))))
		];
	};

	/** σ₁ of two words that lie twice in a vector, so that shifts of 64 bits rotate them; other lanes are 0. */
	const sigma1 = (pairs: Vector, ...order: readonly number[]) =>
		v128.shuffle(
			v128.xor(
				v128.xor(shiftRight(doubled.tee(pairs), 10), i64x2.shrU(doubled.get, i32.const(17))),
				i64x2.shrU(doubled.get, i32.const(19))
			),
			v128.bits(0),
			words(...order)
		);
	/** The oldest vector of the schedule becomes the next one, in steps to be put between rounds. */
	const advance = (index: number): Statement[] => {
		const [oldest, second, third, newest] = [0, 1, 2, 3].map((k) => recent[(index + k) & 3]!) as [
			Local<'v128'>,
			Local<'v128'>,
			Local<'v128'>,
			Local<'v128'>
		];
		const sigma0 = v128.xor(
			v128.xor(
				rotateRight(shifted.tee(v128.shuffle(oldest.get, second.get, words(1, 2, 3, 4))), 7),
				rotateRight(shifted.get, 18)
			),
			shiftRight(shifted.get, 3)
		);
		const add = (term: Vector) => oldest.set(i32x4.add(oldest.get, term));
		return [
			add(i32x4.add(v128.shuffle(third.get, newest.get, words(1, 2, 3, 4)), sigma0)),
			// Two words need the two before them.
			add(sigma1(v128.shuffle(newest.get, newest.get, words(2, 2, 3, 3)), 0, 2, 4, 4)),
			add(sigma1(v128.shuffle(oldest.get, oldest.get, words(0, 0, 1, 1)), 4, 4, 0, 2))
		];
	};
	const schedule = (index: number) =>
		v128.store(
			zero,
			i32x4.add(recent[index & 3]!.get, v128.load(zero, CONSTANTS + 16 * index)),
			SCHEDULE + 16 * index
		);
	const fourRounds = (index: number): Statement[] => {
		const more = index < 12;
		const steps = more ? advance(index) : [];
		return [
			...[0, 1, 2, 3].flatMap((k) => [...round(4 * index + k), ...steps.slice(k, k + 1)]),
			...(more ? [schedule(index + 4)] : [])
		];
	};

	return [
		...state.map((word, i) => word.set(i32.load(zero, STATE + 4 * i))),
		repeat(
			i32.ltU(from.get, end.get),
			...recent.flatMap((vector, i) => [
				vector.set(v128.shuffle(v128.load(from.get, 16 * i), v128.bits(0), bigEndian)),
				schedule(i)
			]),
			differences[1].set(i32.xor(state[1]!.get, state[2]!.get)),
			...Array.from({ length: 16 }, (_, index) => fourRounds(index)).flat(),
			...state.flatMap((word, i) => [
				word.set(i32.add(word.get, i32.load(zero, STATE + 4 * i))),
				i32.store(zero, word.get, STATE + 4 * i)
			]),
			from.set(i32.add(from.get, i32.const(64)))
		)
	];
});

interface Sha256Exports {
	readonly memory: WebAssembly.Memory;
	compress(from: number, end: number): void;
}

/** The compression with its memory, which one hasher after the other uses. */
interface Sha256Kernel {
	/** 8 words. */
	readonly state: Uint32Array;
	/** Where whole blocks are put. */
	readonly data: Uint8Array;
	/** Hashes the first bytes of `data`, a positive multiple of 64, into `state`. */
	compress(length: number): void;
}

let kernel: Sha256Kernel | undefined;

/** The kernel of this thread. */
export function sha256Kernel(): Sha256Kernel {
	return (kernel ??= instantiate());
}

function instantiate(): Sha256Kernel {
	const module = new WebAssembly.Module(assemble([compress]));
	const { memory, compress: run } = new WebAssembly.Instance(module).exports as unknown as Sha256Exports;
	new Uint32Array(memory.buffer, CONSTANTS, 64).set(constants);
	return {
		state: new Uint32Array(memory.buffer, STATE, 8),
		data: new Uint8Array(memory.buffer, DATA, PAGE - DATA),
		compress: (length) => run(DATA, DATA + length)
	};
}

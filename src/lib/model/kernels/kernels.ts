/**
 * The inner loops of conversion as WebAssembly with 128-bit vectors. Each gives bit for bit what the TypeScript in
 * `tensor/half.ts` and `quantize.ts` gives, which is the definition (tests/unit/model/kernels.test.ts).
 * Addresses and counts are bytes of the module's memory and elements.
 */
import { BLOCK } from '../quantize.ts';
import {
	assemble,
	Assembly,
	f32,
	f32x4,
	f64,
	f64x2,
	i16x8,
	i32,
	i32x4,
	i8x16,
	repeat,
	select,
	v128,
	type Expression,
	type Local,
	type Statement
} from './assembler.ts';

type Vector = Expression<'v128'>;

const step = (counter: Local<'i32'>, by: number) => counter.set(i32.add(counter.get, i32.const(by)));

/** bfloat16 → float32. @param count a multiple of 8 */
const widenBfloat16 = new Assembly('widenBfloat16', 3, (f, from, to, count) => {
	const end = f.local('i32');
	const bits = f.local('v128');
	return [
		end.set(i32.add(from!.get, i32.shl(count!.get, i32.const(1)))),
		repeat(
			i32.ltU(from!.get, end.get),
			bits.set(v128.load(from!.get)),
			v128.store(to!.get, i32x4.shl(i32x4.extendLowI16U(bits.get), i32.const(16))),
			v128.store(to!.get, i32x4.shl(i32x4.extendHighI16U(bits.get), i32.const(16)), 16),
			step(from!, 16),
			step(to!, 32)
		)
	];
});

/** float16 → float32. @param count a multiple of 8 */
const widenFloat16 = new Assembly('widenFloat16', 3, (f, from, to, count) => {
	const end = f.local('i32');
	const eight = f.local('v128');
	const bits = f.local('v128');
	const magnitude = f.local('v128');
	const widen = (half: Vector, offset: number): Statement[] => [
		bits.set(half),
		magnitude.set(v128.and(bits.get, v128.bits(0x7fff))),
		v128.store(
			to!.get,
			v128.bitselect(
				// NaN is stored as JavaScript does.
				v128.bits(0x7fc00000),
				v128.or(
					v128.or(
						// The exponent's bias goes from 15 to 127 by a product, which is right for subnormal numbers too.
						f32x4.mul(i32x4.shl(magnitude.get, i32.const(13)), v128.bits(0x77800000)),
						v128.and(i32x4.geS(magnitude.get, v128.bits(0x7c00)), v128.bits(0x7f800000))
					),
					i32x4.shl(v128.and(bits.get, v128.bits(0x8000)), i32.const(16))
				),
				i32x4.gtS(magnitude.get, v128.bits(0x7c00))
			),
			offset
		)
	];
	return [
		end.set(i32.add(from!.get, i32.shl(count!.get, i32.const(1)))),
		repeat(
			i32.ltU(from!.get, end.get),
			eight.set(v128.load(from!.get)),
			...widen(i32x4.extendLowI16U(eight.get), 0),
			...widen(i32x4.extendHighI16U(eight.get), 16),
			step(from!, 16),
			step(to!, 32)
		)
	];
});

/** float32 → float16, to nearest, ties to even (`halfFromFloat32`). @param count a multiple of 8 */
const narrowFloat16 = new Assembly('narrowFloat16', 3, (f, from, to, count) => {
	const end = f.local('i32');
	const bits = f.local('v128');
	const magnitude = f.local('v128');
	const halves = [f.local('v128'), f.local('v128')] as const;
	const narrow = (half: Local<'v128'>, offset: number): Statement[] => {
		const m = magnitude.get;
		const lowest = v128.and(i32x4.shrU(m, i32.const(13)), v128.bits(1));
		const normal = i32x4.shrU(i32x4.add(i32x4.add(m, v128.bits(0xc8000000 + 0xfff)), lowest), i32.const(13));
		// Added to a half, whose last place is the least float16, a smaller number is rounded to float16's grid.
		const subnormal = i32x4.sub(f32x4.add(m, v128.bits(0x3f000000)), v128.bits(0x3f000000));
		const finite = v128.bitselect(normal, subnormal, i32x4.geS(m, v128.bits(0x38800000)));
		const tooLarge = v128.bitselect(
			v128.bits(0x7e00),
			v128.bits(0x7c00),
			i32x4.gtS(m, v128.bits(0x7f800000))
		);
		return [
			bits.set(v128.load(from!.get, offset)),
			magnitude.set(v128.and(bits.get, v128.bits(0x7fffffff))),
			half.set(
				v128.or(
					v128.bitselect(tooLarge, finite, i32x4.geS(m, v128.bits(0x477ff000))),
					v128.and(i32x4.shrU(bits.get, i32.const(16)), v128.bits(0x8000))
				)
			)
		];
	};
	return [
		end.set(i32.add(from!.get, i32.shl(count!.get, i32.const(2)))),
		repeat(
			i32.ltU(from!.get, end.get),
			...narrow(halves[0], 0),
			...narrow(halves[1], 16),
			v128.store(to!.get, i16x8.narrowI32U(halves[0].get, halves[1].get)),
			step(from!, 32),
			step(to!, 16)
		)
	];
});

/** Byte indices for `shuffle` from indices of groups of bytes. */
const groups = (size: number, ...indices: readonly number[]) =>
	indices.flatMap((index) => Array.from({ length: size }, (_, i) => index * size + i));

/**
 * One row of `quantizeMatrix`. @param from float32, filled up with zeros to whole blocks
 * @param blocks B, at least 1; `packed` gets B · 4 · bits bytes, `scales` B float32, `zeros` ceil(B · bits / 8) bytes
 */
const quantizeRow = (bits: 4 | 8) =>
	new Assembly(`quantizeRow${bits}`, 5, (f, from, blocks, packed, scales, zeros) => {
		const levels = bits === 4 ? 15 : 255;
		const block = f.local('i32');
		const values = Array.from({ length: BLOCK / 4 }, () => f.local('v128'));
		const least = f.local('v128');
		const most = f.local('v128');
		const low = f.local('f32');
		const scale = f.local('f32');
		const inverse = f.local('f64');
		const ratio = f.local('f64');
		const zero = f.local('f64');
		const zeroByte = f.local('i32');
		const factor = f.local('v128');
		const shift = f.local('v128');
		const bytes = [f.local('v128'), f.local('v128')] as const;

		const extreme = (
			all: Local<'v128'>,
			pick: (a: Vector, b: Vector) => Vector,
			of: (a: Expression<'f32'>, b: Expression<'f32'>) => Expression<'f32'>
		): [Statement, Expression<'f32'>] => [
			all.set(pick(all.get, v128.shuffle(all.get, all.get, groups(8, 1, 0)))),
			of(f32x4.extract(all.get, 0), f32x4.extract(all.get, 1))
		];
		const [foldLeast, leastValue] = extreme(least, f32x4.pmin, f32.min);
		const [foldMost, mostValue] = extreme(most, f32x4.pmax, f32.max);
		/** Two of four values as integers. */
		const two = (pair: Vector) =>
			i32x4.truncSatF64SZero(f64x2.add(f64x2.mul(f64x2.promoteLow(pair), factor.get), shift.get));
		const four = (value: Local<'v128'>) =>
			v128.shuffle(two(value.get), two(v128.shuffle(value.get, value.get, groups(8, 1, 0))), groups(8, 0, 2));
		const eight = (at: number) => i16x8.narrowI32S(four(values[at]!), four(values[at + 1]!));
		const sixteen = (at: number) =>
			i8x16.minU(i8x16.narrowI16U(eight(at), eight(at + 2)), i8x16.splat(i32.const(levels)));
		// Of two neighbours the first is the low nibble.
		const joined = (pair: Local<'v128'>) =>
			v128.and(v128.or(pair.get, i16x8.shrU(pair.get, i32.const(4))), v128.bits(0x00ff00ff));
		const write: Statement[] =
			bits === 8
				? [
						v128.store(packed!.get, sixteen(0)),
						v128.store(packed!.get, sixteen(4), 16),
						step(packed!, 32),
						i32.store8(i32.add(zeros!.get, block.get), zeroByte.get)
					]
				: [
						bytes[0].set(sixteen(0)),
						bytes[1].set(sixteen(4)),
						v128.store(packed!.get, i8x16.narrowI16U(joined(bytes[0]), joined(bytes[1]))),
						step(packed!, 16),
						i32.store8(
							i32.add(zeros!.get, i32.shrU(block.get, i32.const(1))),
							select(
								i32.or(
									i32.load8U(i32.add(zeros!.get, i32.shrU(block.get, i32.const(1)))),
									i32.shl(zeroByte.get, i32.const(4))
								),
								zeroByte.get,
								i32.and(block.get, i32.const(1))
							)
						)
					];

		return [
			repeat(
				i32.ltU(block.get, blocks!.get),
				// The range always holds 0; NaN is passed over.
				least.set(v128.bits(0)),
				most.set(v128.bits(0)),
				...values.flatMap((value, i) => [
					value.set(v128.load(from!.get, 16 * i)),
					least.set(f32x4.pmin(least.get, value.get)),
					most.set(f32x4.pmax(most.get, value.get))
				]),
				foldLeast,
				foldMost,
				low.set(leastValue),
				scale.set(
					f32.demote(f64.div(f64.sub(f64.promote(mostValue), f64.promote(low.get)), f64.const(levels)))
				),
				scale.set(select(f32.const(1), scale.get, f32.eq(scale.get, f32.const(0)))),
				inverse.set(f64.div(f64.const(1), f64.promote(scale.get))),
				// Math.round: halves go up.
				ratio.set(f64.mul(f64.neg(f64.promote(low.get)), inverse.get)),
				zero.set(f64.floor(ratio.get)),
				zero.set(f64.add(zero.get, f64.convertI32U(f64.ge(f64.sub(ratio.get, zero.get), f64.const(0.5))))),
				zero.set(f64.min(f64.const(levels), f64.max(f64.const(0), zero.get))),
				zeroByte.set(i32.truncSatF64U(zero.get)),
				factor.set(f64x2.splat(inverse.get)),
				shift.set(f64x2.splat(f64.add(zero.get, f64.const(0.5)))),
				...write,
				f32.store(scales!.get, scale.get),
				step(scales!, 4),
				step(from!, 4 * BLOCK),
				step(block, 1)
			)
		];
	});

/**
 * Eight rows of 16-bit values, columns first: to[c · toStride + r] = from[r · fromStride + c].
 * @param fromStride bytes from row to row; `toStride` bytes from column to column @param columns a multiple of 8
 */
const transposeEightRows = new Assembly(
	'transposeEightRows',
	5,
	(f, from, fromStride, to, toStride, columns) => {
		const end = f.local('i32');
		const at = f.local('i32');
		const a = Array.from({ length: 8 }, () => f.local('v128'));
		const b = Array.from({ length: 8 }, () => f.local('v128'));
		/** Interleaves the lower or upper halves of two vectors in groups of `size` bytes. */
		const interleave = (x: Local<'v128'>, y: Local<'v128'>, size: number, upper: boolean) => {
			const count = 16 / size;
			const first = upper ? count / 2 : 0;
			const order = Array.from({ length: count / 2 }, (_, i) => [first + i, count + first + i]).flat();
			return v128.shuffle(x.get, y.get, groups(size, ...order));
		};
		/** out[2i], out[2i + 1] = halves of in[i] and in[i + 4] interleaved; three times that transposes 8 × 8. */
		const stage = (into: Local<'v128'>[], of: Local<'v128'>[]) =>
			into.map((target, i) => target.set(interleave(of[i >> 1]!, of[(i >> 1) + 4]!, 2, (i & 1) === 1)));
		return [
			end.set(i32.add(from!.get, i32.shl(columns!.get, i32.const(1)))),
			repeat(
				i32.ltU(from!.get, end.get),
				at.set(from!.get),
				...a.flatMap((row) => [row.set(v128.load(at.get)), at.set(i32.add(at.get, fromStride!.get))]),
				...stage(b, a),
				...stage(a, b),
				...stage(b, a),
				...b.flatMap((column) => [v128.store(to!.get, column.get), to!.set(i32.add(to!.get, toStride!.get))]),
				step(from!, 16)
			)
		];
	}
);

/** What the module exports. */
export interface KernelExports {
	readonly memory: WebAssembly.Memory;
	widenBfloat16(from: number, to: number, count: number): void;
	widenFloat16(from: number, to: number, count: number): void;
	narrowFloat16(from: number, to: number, count: number): void;
	quantizeRow4(from: number, blocks: number, packed: number, scales: number, zeros: number): void;
	quantizeRow8(from: number, blocks: number, packed: number, scales: number, zeros: number): void;
	transposeEightRows(from: number, fromStride: number, to: number, toStride: number, columns: number): void;
}

let compiled: WebAssembly.Module | undefined;

/** A new instance with a memory of its own. */
export function instantiateKernels(): KernelExports {
	compiled ??= new WebAssembly.Module(
		assemble([widenBfloat16, widenFloat16, narrowFloat16, quantizeRow(4), quantizeRow(8), transposeEightRows])
	);
	return new WebAssembly.Instance(compiled).exports as unknown as KernelExports;
}

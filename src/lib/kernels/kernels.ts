/**
 * The inner loops of conversion as WebAssembly with 128-bit vectors. Each gives bit for bit what the TypeScript in
 * `tensor/half.ts` and `quantize.ts` gives, which is the definition (tests/unit/kernels/kernels.test.ts).
 * Addresses and counts are bytes of the module's memory and elements.
 */
import { BLOCK, LEAST_SCALE, ROUNDING } from './quantize.ts';
import {
	assemble,
	Assembly,
	f32,
	f32x4,
	groups,
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

/** The same float32 in every lane. */
const every = (value: number) => v128.bits(new Uint32Array(Float32Array.of(value).buffer)[0]!);

const step = (counter: Local<'i32'>, by: number) => counter.set(i32.add(counter.get, i32.const(by)));

/** bfloat16 → float32. @param count a multiple of 8 */
const widenBfloat16 = new Assembly('widenBfloat16', 3, (f, from, to, count) => {
	const end = f.local('i32');
	const bits = f.local('v128');
	return [
		end.set(i32.add(from.get, i32.shl(count.get, i32.const(1)))),
		repeat(
			i32.ltU(from.get, end.get),
			bits.set(v128.load(from.get)),
			v128.store(to.get, i32x4.shl(i32x4.extendLowI16U(bits.get), i32.const(16))),
			v128.store(to.get, i32x4.shl(i32x4.extendHighI16U(bits.get), i32.const(16)), 16),
			step(from, 16),
			step(to, 32)
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
			to.get,
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
		end.set(i32.add(from.get, i32.shl(count.get, i32.const(1)))),
		repeat(
			i32.ltU(from.get, end.get),
			eight.set(v128.load(from.get)),
			...widen(i32x4.extendLowI16U(eight.get), 0),
			...widen(i32x4.extendHighI16U(eight.get), 16),
			step(from, 16),
			step(to, 32)
		)
	];
});

/**
 * Added to a half, whose last place is the least float16, a smaller number is rounded to float16's grid.
 * @param magnitude of float32 @returns float16 bits in 32
 */
const subnormalHalf = (magnitude: Vector) => i32x4.sub(f32x4.add(magnitude, every(0.5)), every(0.5));

/** Sets some of the 16 bytes at an address where the mask has any. */
const raise = (flags: Local<'i32'>, mask: Vector) =>
	v128.store(flags.get, v128.or(v128.load(flags.get), mask));

/**
 * float32 → float16, to nearest, ties to even (`float32ToHalf`). @param count a multiple of 8
 * @param flags 16 bytes, of which some are set where a number is none of float16's: NaN, an infinity, 65,520 and above
 */
const narrowFloat32 = new Assembly('narrowFloat32', 4, (f, from, to, count, flags) => {
	const end = f.local('i32');
	const bits = f.local('v128');
	const magnitude = f.local('v128');
	const halves = [f.local('v128'), f.local('v128')] as const;
	const outside = f.local('v128');
	const narrow = (half: Local<'v128'>, offset: number): Statement[] => {
		const m = magnitude.get;
		const lowest = v128.and(i32x4.shrU(m, i32.const(13)), v128.bits(1));
		const normal = i32x4.shrU(i32x4.add(i32x4.add(m, v128.bits(0xc8000000 + 0xfff)), lowest), i32.const(13));
		return [
			bits.set(v128.load(from.get, offset)),
			magnitude.set(v128.and(bits.get, v128.bits(0x7fffffff))),
			outside.set(v128.or(outside.get, i32x4.geS(m, v128.bits(0x477ff000)))),
			half.set(
				v128.or(
					v128.bitselect(normal, subnormalHalf(m), i32x4.geS(m, v128.bits(0x38800000))),
					v128.and(i32x4.shrU(bits.get, i32.const(16)), v128.bits(0x8000))
				)
			)
		];
	};
	return [
		end.set(i32.add(from.get, i32.shl(count.get, i32.const(2)))),
		repeat(
			i32.ltU(from.get, end.get),
			...narrow(halves[0], 0),
			...narrow(halves[1], 16),
			v128.store(to.get, i16x8.narrowI32U(halves[0].get, halves[1].get)),
			step(from, 32),
			step(to, 16)
		),
		raise(flags, outside.get)
	];
});

/** bfloat16 → float16, as `narrowFloat32`: a number that is normal in both loses nothing. */
const narrowBfloat16 = new Assembly('narrowBfloat16', 4, (f, from, to, count, flags) => {
	const end = f.local('i32');
	const bits = f.local('v128');
	const magnitude = f.local('v128');
	const outside = f.local('v128');
	const m = magnitude.get;
	const normal = i16x8.shl(i16x8.sub(m, v128.bits(0x38003800)), i32.const(3));
	const subnormal = i16x8.narrowI32U(
		subnormalHalf(i32x4.shl(i32x4.extendLowI16U(m), i32.const(16))),
		subnormalHalf(i32x4.shl(i32x4.extendHighI16U(m), i32.const(16)))
	);
	return [
		end.set(i32.add(from.get, i32.shl(count.get, i32.const(1)))),
		repeat(
			i32.ltU(from.get, end.get),
			bits.set(v128.load(from.get)),
			magnitude.set(v128.and(bits.get, v128.bits(0x7fff7fff))),
			outside.set(v128.or(outside.get, i16x8.gtS(m, v128.bits(0x477f477f)))),
			v128.store(
				to.get,
				v128.or(
					v128.bitselect(normal, subnormal, i16x8.gtS(m, v128.bits(0x387f387f))),
					v128.and(bits.get, v128.bits(0x80008000))
				)
			),
			step(from, 16),
			step(to, 16)
		),
		raise(flags, outside.get)
	];
});

/**
 * One row of `quantizeMatrix`. @param from filled up with zeros to whole blocks
 * @param blocks B, at least 1; `packed` gets B · 4 · bits bytes, `scales` B float32, `zeros` ceil(B · bits / 8) bytes
 * @param flags 16 bytes, of which some are set where a number or a block's range is not finite
 */
const quantizeRow = (bits: 4 | 8, source: 'Float32' | 'Float16' | 'Bfloat16') =>
	new Assembly(`quantize${bits}${source}`, 6, (f, from, blocks, packed, scales, zeros, flags) => {
		const levels = bits === 4 ? 15 : 255;
		const size = source === 'Float32' ? 4 : 2;
		const block = f.local('i32');
		const values = Array.from({ length: BLOCK / 4 }, () => f.local('v128'));
		const eightHalves = f.local('v128');
		const least = f.local('v128');
		const most = f.local('v128');
		const range = f.local('v128');
		const scale = f.local('v128');
		const inverse = f.local('v128');
		/** `ROUNDING` and the zero point, which is the low byte. */
		const zero = f.local('v128');
		const zeroByte = f.local('i32');
		/** Becomes NaN where something is not finite. */
		const sum = f.local('v128');
		/** Largest magnitude of float16 bits, which widening takes for finite. */
		const largest = f.local('v128');
		const bytes = [f.local('v128'), f.local('v128')] as const;

		const widenHalf = (half: Vector) =>
			// The sign is spread over the upper bits and masked out; the product puts the exponent's bias right.
			f32x4.mul(v128.and(i32x4.shl(half, i32.const(13)), v128.bits(0x8fffe000)), v128.bits(0x77800000));
		const load = values.flatMap((value, i): Statement[] => {
			if (source === 'Float32') return [value.set(v128.load(from.get, 16 * i))];
			if (source === 'Bfloat16')
				return [value.set(i32x4.shl(v128.load16x4U(from.get, 8 * i), i32.const(16)))];
			return i & 1
				? [value.set(widenHalf(i32x4.extendHighI16S(eightHalves.get)))]
				: [
						eightHalves.set(v128.load(from.get, 8 * i)),
						largest.set(i16x8.maxS(largest.get, v128.and(eightHalves.get, v128.bits(0x7fff7fff)))),
						value.set(widenHalf(i32x4.extendLowI16S(eightHalves.get)))
					];
		});
		// In vectors: the scalar minimum branches, and which of two is less cannot be foreseen.
		const fold = (all: Local<'v128'>, pick: (a: Vector, b: Vector) => Vector) => [
			all.set(pick(all.get, v128.shuffle(all.get, all.get, groups(8, 1, 0)))),
			all.set(pick(all.get, v128.shuffle(all.get, all.get, groups(4, 1, 0, 3, 2))))
		];
		const code = (value: Local<'v128'>): Statement[] => [
			value.set(f32x4.add(f32x4.mul(value.get, inverse.get), zero.get)),
			sum.set(f32x4.add(sum.get, value.get)),
			// Rounded by the addition; −1 or one above the levels at most.
			value.set(i32x4.sub(value.get, every(ROUNDING)))
		];
		const eight = (at: number) => i16x8.narrowI32S(values[at]!.get, values[at + 1]!.get);
		const sixteen = (at: number) => {
			const limited = i8x16.narrowI16U(eight(at), eight(at + 2));
			return bits === 8 ? limited : i8x16.minU(limited, v128.bits(0x0f0f0f0f));
		};
		// Of two neighbours the first is the low nibble.
		const joined = (pair: Local<'v128'>) =>
			v128.and(v128.or(pair.get, i16x8.shrU(pair.get, i32.const(4))), v128.bits(0x00ff00ff));
		const zeroAt = i32.add(zeros.get, bits === 8 ? block.get : i32.shrU(block.get, i32.const(1)));
		const write: Statement[] =
			bits === 8
				? [
						v128.store(packed.get, sixteen(0)),
						v128.store(packed.get, sixteen(4), 16),
						step(packed, 32),
						i32.store8(zeroAt, zeroByte.get)
					]
				: [
						bytes[0].set(sixteen(0)),
						bytes[1].set(sixteen(4)),
						v128.store(packed.get, i8x16.narrowI16U(joined(bytes[0]), joined(bytes[1]))),
						step(packed, 16),
						i32.store8(
							zeroAt,
							select(
								i32.or(i32.load8U(zeroAt), i32.shl(zeroByte.get, i32.const(4))),
								zeroByte.get,
								i32.and(block.get, i32.const(1))
							)
						)
					];

		return [
			repeat(
				i32.ltU(block.get, blocks.get),
				// The range always holds 0; NaN is passed over.
				least.set(v128.bits(0)),
				most.set(v128.bits(0)),
				...load,
				...values.flatMap((value) => [
					least.set(f32x4.pmin(least.get, value.get)),
					most.set(f32x4.pmax(most.get, value.get))
				]),
				...fold(least, f32x4.pmin),
				...fold(most, f32x4.pmax),
				range.set(f32x4.div(f32x4.sub(most.get, least.get), every(levels))),
				sum.set(f32x4.add(sum.get, f32x4.mul(range.get, every(0)))),
				scale.set(v128.bitselect(every(1), range.get, f32x4.lt(range.get, every(LEAST_SCALE)))),
				inverse.set(f32x4.div(every(1), scale.get)),
				zero.set(f32x4.add(f32x4.mul(f32x4.neg(least.get), inverse.get), every(ROUNDING))),
				zero.set(f32x4.pmin(f32x4.pmax(zero.get, every(ROUNDING)), every(ROUNDING + levels))),
				zeroByte.set(i32x4.extract(zero.get, 0)),
				...values.flatMap(code),
				...write,
				f32.store(scales.get, f32x4.extract(scale.get, 0)),
				step(scales, 4),
				step(from, size * BLOCK),
				step(block, 1)
			),
			raise(flags, v128.or(f32x4.ne(sum.get, sum.get), i16x8.gtS(largest.get, v128.bits(0x7bff7bff))))
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
			end.set(i32.add(from.get, i32.shl(columns.get, i32.const(1)))),
			repeat(
				i32.ltU(from.get, end.get),
				at.set(from.get),
				...a.flatMap((row) => [row.set(v128.load(at.get)), at.set(i32.add(at.get, fromStride.get))]),
				...stage(b, a),
				...stage(a, b),
				...stage(b, a),
				...b.flatMap((column) => [v128.store(to.get, column.get), to.set(i32.add(to.get, toStride.get))]),
				step(from, 16)
			)
		];
	}
);

type Narrow = (from: number, to: number, count: number, flags: number) => void;
type Quantize = (
	from: number,
	blocks: number,
	packed: number,
	scales: number,
	zeros: number,
	flags: number
) => void;

/** What the module exports. */
export interface KernelExports {
	readonly memory: WebAssembly.Memory;
	widenBfloat16(from: number, to: number, count: number): void;
	widenFloat16(from: number, to: number, count: number): void;
	readonly narrowFloat32: Narrow;
	readonly narrowBfloat16: Narrow;
	readonly quantize4Float32: Quantize;
	readonly quantize4Float16: Quantize;
	readonly quantize4Bfloat16: Quantize;
	readonly quantize8Float32: Quantize;
	readonly quantize8Float16: Quantize;
	readonly quantize8Bfloat16: Quantize;
	transposeEightRows(from: number, fromStride: number, to: number, toStride: number, columns: number): void;
}

let compiled: WebAssembly.Module | undefined;

/** A new instance with a memory of its own. */
export function instantiateKernels(): KernelExports {
	compiled ??= new WebAssembly.Module(
		assemble([
			widenBfloat16,
			widenFloat16,
			narrowFloat32,
			narrowBfloat16,
			...(['Float32', 'Float16', 'Bfloat16'] as const).flatMap((source) => [
				quantizeRow(4, source),
				quantizeRow(8, source)
			]),
			transposeEightRows
		])
	);
	return new WebAssembly.Instance(compiled).exports as unknown as KernelExports;
}

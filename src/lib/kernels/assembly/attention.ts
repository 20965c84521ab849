/**
 * Causal attention over a cache that is written in place, with rotary embedding (GroupQueryAttention with its halves turned against each
 * other). Keys and values lie [kv head, room, width] in whole numbers with scales (`cache.ts`), width a multiple of 8.
 *
 * Up to four queries of one kv head are worked on at once, each in a lane: heads that share it, of one row or of rows one after the other; no
 * more is computed than there are. Keys are taken in runs of 32 with a running maximum, so that memory is as large for 32 positions as for all.
 *
 * Queries are rounded to whole numbers, too, and so are a run's weights, each times the scale of its value: both as large as sums of 32 bits
 * allow, of which |Σ q·k| ≤ |q|·|k| and |Σ w·v| ≤ Σ w · most of v.
 */
import { BYTES, eight, greatestOf, magnitude, MOST, narrowRow, NOUGHT, whole } from './cache';
import { exp2, madd, sum } from './vectors';

const LANES: usize = 4;
/** As many as lie in the nearest cache with their values, which are read again for every eight columns. */
const KEYS: usize = 32;
/** Bytes that come from memory together. */
const CACHE_LINE: usize = 64;
/** Less than any score, and no infinity, whose differences are no numbers. */
const LEAST: f32 = -1e30;
/** Scores are exponents of 2. */
const LOG2_E: f32 = 1.4426950408889634;
/** Largest whole number of 16 bits. */
const LARGEST: f32 = 32767;
/** What sums may reach, 2³¹, less what roundings of float32 may add. */
const ROOM: f32 = 2147482000;

/** What a layer's attention reads and writes; the words of its entry in a program, in this order. */
@unmanaged
export class Attention {
	/** float32, a row of each every `stride` bytes */
	query: usize;
	key: usize;
	value: usize;
	queryStride: usize;
	keyStride: usize;
	/** float32 [position, width / 2] */
	cos: usize;
	sin: usize;
	/** Rows [kv head, room, width] in whole numbers, behind them their scales, float32 [kv head, room] */
	keys: usize;
	values: usize;
	room: usize;
	past: usize;
	rows: usize;
	heads: usize;
	kvHeads: usize;
	width: usize;
	scale: f32;
	/** float32 [row, heads · width] */
	output: usize;
	/** Parts that the keys are cut into, and keys of each: for few rows on several threads. */
	parts: usize;
	partKeys: usize;
	/** Results of parts, where there are several: [kv head, tile, part] of maxima [4], sums [4], values [4, width]. */
	partial: usize;
}

/** x turned by a position's angles and scaled, to y. */
@inline
function rotate(x: usize, cos: usize, sin: usize, width: usize, scale: f32, y: usize): void {
	const half = width * 2;
	const factor = f32x4.splat(scale);
	for (let i: usize = 0; i < half; i += 16) {
		const a = v128.load(x + i);
		const b = v128.load(x + half + i);
		const c = v128.load(cos + i);
		const s = v128.load(sin + i);
		v128.store(y + i, f32x4.mul(f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)), factor));
		v128.store(y + half + i, f32x4.mul(f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)), factor));
	}
}

/** Writes a row's keys and values into the cache. @param scratch a head's width of floats @returns whether all are finite */
export function remember(x: Attention, row: usize, scratch: usize): bool {
	let finite = true;
	const width = x.width;
	const position = x.past + row;
	const angles = position * width * 2;
	for (let head: usize = 0; head < x.kvHeads; head++) {
		const at = head * x.room + position;
		const from = row * x.keyStride + head * width * 4;
		rotate(x.key + from, x.cos + angles, x.sin + angles, width, 1, scratch);
		finite = narrowRow(scratch, width, x.keys + at * width * BYTES, scalesOf(x, x.keys) + at * 4) && finite;
		finite = narrowRow(x.value + from, width, x.values + at * width * BYTES, scalesOf(x, x.values) + at * 4) && finite;
	}
	return finite;
}

/** Where the scales of keys or values lie. */
@inline
function scalesOf(x: Attention, rows: usize): usize {
	return rows + x.kvHeads * x.room * x.width * BYTES;
}

/** Tiles of four queries of a kv head. */
@inline
export function tilesOf(x: Attention): usize {
	return (x.rows * (x.heads / x.kvHeads) + LANES - 1) / LANES;
}

@inline
function partialBytes(width: usize): usize {
	return (2 + width) * LANES * 4;
}

/** A query in whole numbers. @returns what one of them is worth; no number where the query has none */
function quantizeQuery(from: usize, width: usize, to: usize): f32 {
	const greatest = magnitude(from, width);
	const share = f32x4.splat(1 / greatest);
	let squares = f32x4.splat(0);
	for (let i: usize = 0; i < width * 4; i += 16) {
		const x = f32x4.mul(v128.load(from + i), share);
		squares = madd(x, x, squares);
	}
	// A key is at most √width times its greatest long, and rounding adds half a unit in each column.
	const root = sqrt<f32>(<f32>width);
	const length = ROOM / (MOST * root) - root;
	const most = min<f32>(LARGEST, length / sqrt<f32>(sum(squares)));
	const factor: f32 = greatest < NOUGHT ? 1 : most / greatest;
	for (let i: usize = 0; i < width; i += 8) v128.store(to + i * 2, whole(from + i * 4, f32x4.splat(factor)));
	return 1 / factor;
}

/**
 * Unit `[kv head, tile, part]`.
 * @param scratch bytes: 28 for each column of a head, 24 for each of 32 keys, and 112
 */
export function attend(x: Attention, unit: usize, scratch: usize): void {
	const width = x.width;
	const bytes = width * 4;
	const group = x.heads / x.kvHeads;
	const part = unit % x.parts;
	const tile = (unit / x.parts) % tilesOf(x);
	const kv = unit / x.parts / tilesOf(x);
	const totals = scratch;
	const queries = totals + LANES * bytes;
	const turned = queries + LANES * width * 2;
	const scores = turned + bytes;
	const weights = scores + LANES * KEYS * 4 + 16;
	// Of each lane: what a score's unit is worth, keys that it sees, its greatest score, how its totals shrink, its sum, what a weight's unit is worth.
	const units = weights + LANES * KEYS * 2;
	const limits = units + 16;
	const greatest = units + 32;
	const shrinks = units + 48;
	const sumsAt = units + 64;
	const worth = units + 80;

	const lanes = min(LANES, x.rows * group - tile * LANES);
	let end: usize = 0;
	for (let lane: usize = 0; lane < lanes; lane++) {
		const query = tile * LANES + lane;
		const row = query / group;
		const head = kv * group + (query % group);
		const angles = (x.past + row) * width * 2;
		rotate(x.query + row * x.queryStride + head * bytes, x.cos + angles, x.sin + angles, width, x.scale * LOG2_E, turned);
		store<f32>(units + lane * 4, quantizeQuery(turned, width, queries + lane * width * 2));
		const limit = x.past + row + 1;
		end = max(end, limit);
		store<i32>(limits + lane * 4, <i32>limit);
	}
	memory.fill(totals, 0, LANES * bytes);
	v128.store(greatest, f32x4.splat(LEAST));
	v128.store(sumsAt, f32x4.splat(0));
	let most = f32x4.splat(LEAST);
	const row = width * BYTES;
	const keys = x.keys + kv * x.room * row;
	const values = x.values + kv * x.room * row;
	const keyScales = scalesOf(x, x.keys) + kv * x.room * 4;
	const valueScales = scalesOf(x, x.values) + kv * x.room * 4;
	end = min(end, (part + 1) * x.partKeys);
	for (let first = part * x.partKeys; first < end; first += KEYS) {
		const count = min(KEYS, end - first);
		const key = keys + first * row;
		const value = values + first * row;
		if (lanes === 4) score(4, queries, key, value, count, width, scores);
		else if (lanes === 3) score(3, queries, key, value, count, width, scores);
		else if (lanes === 2) score(2, queries, key, value, count, width, scores);
		else score(1, queries, key, value, count, width, scores);
		for (let lane: usize = 0; lane < lanes; lane++)
			store<f32>(
				greatest + lane * 4,
				scaled(
					scores + lane * KEYS * 4, seenOf(limits, lane, first, count),
					load<f32>(units + lane * 4),
					keyScales + first * 4
				)
			);
		const next = f32x4.max(most, v128.load(greatest));
		v128.store(shrinks, exp2(f32x4.sub(most, next)));
		v128.store(sumsAt, f32x4.mul(v128.load(sumsAt), v128.load(shrinks)));
		v128.store(greatest, next);
		most = next;
		for (let lane: usize = 0; lane < lanes; lane++)
			store<f32>(
				worth + lane * 4,
				weigh(
					scores + lane * KEYS * 4, seenOf(limits, lane, first, count), count,
					load<f32>(greatest + lane * 4),
					valueScales + first * 4,
					sumsAt + lane * 4,
					weights + lane * KEYS * 2
				)
			);
		if (lanes === 4) accumulate(4, weights, value, count, width, shrinks, worth, totals);
		else if (lanes === 3) accumulate(3, weights, value, count, width, shrinks, worth, totals);
		else if (lanes === 2) accumulate(2, weights, value, count, width, shrinks, worth, totals);
		else accumulate(1, weights, value, count, width, shrinks, worth, totals);
	}
	if (x.parts > 1) {
		const to = x.partial + unit * partialBytes(width);
		v128.store(to, most);
		v128.store(to, v128.load(sumsAt), 16);
		memory.copy(to + 32, totals, LANES * bytes);
		return;
	}
	v128.store(scores, f32x4.div(f32x4.splat(1), v128.load(sumsAt)));
	for (let lane: usize = 0; lane < LANES; lane++)
		finish(x, kv, tile, lane, totals + lane * bytes, v128.load32_splat(scores + lane * 4));
}

/** Keys of a run that a lane's query sees. */
@inline
function seenOf(limits: usize, lane: usize, first: usize, count: usize): usize {
	return <usize>max<i32>(0, min<i32>(load<i32>(limits + lane * 4) - <i32>first, <i32>count));
}

/** A lane's values times a factor, written to the output; nothing of spare lanes. */
@inline
function finish(x: Attention, kv: usize, tile: usize, lane: usize, from: usize, factor: v128): void {
	const group = x.heads / x.kvHeads;
	const query = tile * LANES + lane;
	if (query >= x.rows * group) return;
	const bytes = x.width * 4;
	const to = x.output + ((query / group) * x.heads + kv * group + (query % group)) * bytes;
	for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, f32x4.mul(v128.load(from + i), factor));
}

/**
 * Products of `count` keys, two at once, with the queries of a tile: whole numbers [lane, 32]. One key more may be read and written. Their
 * values, of which `columns` takes a few of each row at a time, are touched meanwhile, so that they come from memory in one sweep, too.
 */
@inline
function score(
	lanes: i32,
	queries: usize,
	keys: usize,
	values: usize,
	count: usize,
	width: usize,
	to: usize
): void {
	const row = width * BYTES;
	const line = width * 2;
	const nothing = i32x4.splat(0);
	let touched: i32 = 0;
	for (let key: usize = 0; key < count; key += 2) {
		let k0 = keys + key * row;
		let k1 = k0 + row;
		let a0 = nothing;
		let a1 = nothing;
		let a2 = nothing;
		let a3 = nothing;
		let b0 = nothing;
		let b1 = nothing;
		let b2 = nothing;
		let b3 = nothing;
		const end = queries + line;
		for (let q = queries; q < end; q += 16) {
			const a = eight(k0);
			const b = eight(k1);
			let query = v128.load(q);
			a0 = i32x4.add(a0, i32x4.dot_i16x8_s(query, a));
			b0 = i32x4.add(b0, i32x4.dot_i16x8_s(query, b));
			if (lanes > 1) {
				query = v128.load(q + line);
				a1 = i32x4.add(a1, i32x4.dot_i16x8_s(query, a));
				b1 = i32x4.add(b1, i32x4.dot_i16x8_s(query, b));
			}
			if (lanes > 2) {
				query = v128.load(q + 2 * line);
				a2 = i32x4.add(a2, i32x4.dot_i16x8_s(query, a));
				b2 = i32x4.add(b2, i32x4.dot_i16x8_s(query, b));
			}
			if (lanes > 3) {
				query = v128.load(q + 3 * line);
				a3 = i32x4.add(a3, i32x4.dot_i16x8_s(query, a));
				b3 = i32x4.add(b3, i32x4.dot_i16x8_s(query, b));
			}
			k0 += 8 * BYTES;
			k1 += 8 * BYTES;
		}
		for (let i: usize = 0; i < 2 * row; i += CACHE_LINE) touched ^= load<i32>(values + key * row + i);
		const at = to + key * 4;
		v128.store64_lane(at, both(a0, b0), 0);
		if (lanes > 1) v128.store64_lane(at + KEYS * 4, both(a1, b1), 0);
		if (lanes > 2) v128.store64_lane(at + 2 * KEYS * 4, both(a2, b2), 0);
		if (lanes > 3) v128.store64_lane(at + 3 * KEYS * 4, both(a3, b3), 0);
	}
	// Nobody reads it, but what is read for it is not left out.
	store<i32>(to + LANES * KEYS * 4, touched);
}

/** Sums of two vectors, side by side in the first half. */
@inline
function both(a: v128, b: v128): v128 {
	const two = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
	return i32x4.add(two, v128.shuffle<i32>(two, two, 2, 3, 0, 1));
}

/**
 * Scores of a query's products, in their place.
 * @param valid keys that the query sees
 * @returns the greatest
 */
@inline
function scaled(scores: usize, valid: usize, unit: f32, scales: usize): f32 {
	const factor = f32x4.splat(unit);
	let greatest = f32x4.splat(LEAST);
	const end = (valid & ~3) * 4;
	for (let i: usize = 0; i < end; i += 16) {
		const all = f32x4.mul(f32x4.convert_i32x4_s(v128.load(scores + i)), f32x4.mul(factor, v128.load(scales + i)));
		greatest = f32x4.max(greatest, all);
		v128.store(scores + i, all);
	}
	if (valid & 3) {
		const all = f32x4.mul(f32x4.convert_i32x4_s(v128.load(scores + end)), f32x4.mul(factor, v128.load(scales + end)));
		const seen = v128.bitselect(all, f32x4.splat(LEAST), firstOf(valid & 3));
		greatest = f32x4.max(greatest, seen);
		v128.store(scores + end, seen);
	}
	return greatestOf(greatest);
}

/** All bits of so many lanes. */
@inline
function firstOf(count: usize): v128 {
	return i32x4.gt_s(i32x4.splat(<i32>count), i32x4(0, 1, 2, 3));
}

/**
 * Weights of a query's scores, each times its value's scale, in whole numbers; nought of keys that it does not see, up to a multiple of 8.
 * @param valid keys that the query sees, of `count`
 * @param greatest of all scores so far
 * @param sumAt where the weights are added up
 * @returns what a unit of the numbers is worth
 */
@inline
function weigh(
	scores: usize,
	valid: usize,
	count: usize,
	greatest: f32,
	scales: usize,
	sumAt: usize,
	to: usize
): f32 {
	const most = f32x4.splat(greatest);
	const nothing = f32x4.splat(0);
	let total = nothing;
	let all = nothing;
	let largest = nothing;
	let i: usize = 0;
	const end = (valid & ~3) * 4;
	for (; i < end; i += 16) {
		const weight = exp2(f32x4.sub(v128.load(scores + i), most));
		const share = f32x4.mul(weight, v128.load(scales + i));
		total = f32x4.add(total, weight);
		all = f32x4.add(all, share);
		largest = f32x4.max(largest, share);
		v128.store(scores + i, share);
	}
	if (valid & 3) {
		const seen = firstOf(valid & 3);
		const weight = v128.and(exp2(f32x4.sub(v128.load(scores + i), most)), seen);
		const share = v128.and(f32x4.mul(weight, v128.load(scales + i)), seen);
		total = f32x4.add(total, weight);
		all = f32x4.add(all, share);
		largest = f32x4.max(largest, share);
		v128.store(scores + i, share);
		i += 16;
	}
	for (; i < ((count + 7) & ~7) * 4; i += 16) v128.store(scores + i, nothing);
	store<f32>(sumAt, load<f32>(sumAt) + sum(total));
	const bound: f32 = ROOM / MOST - <f32>KEYS;
	const factor = min<f32>(min<f32>(LARGEST / greatestOf(largest), bound / sum(all)), 1e30);
	const numbers = f32x4.splat(factor);
	for (let i: usize = 0; i < count; i += 8) v128.store(to + i * 2, whole(scores + i * 4, numbers));
	return 1 / factor;
}

/** totals [lane, width] = totals · shrink + worth · Σ weights [lane, 32] · values [key, width]. One value more may be read. */
@inline
function accumulate(
	lanes: i32,
	weights: usize,
	values: usize,
	count: usize,
	width: usize,
	shrinks: usize,
	worth: usize,
	totals: usize
): void {
	let i: usize = 0;
	if (lanes < 3)
		for (; i + 16 <= width; i += 16)
			columns(lanes, true, weights, values + i * BYTES, count, width, shrinks, worth, totals + i * 4);
	for (; i < width; i += 8)
		columns(lanes, false, weights, values + i * BYTES, count, width, shrinks, worth, totals + i * 4);
}

/** `accumulate` of 8 columns, or of twice as many for fewer than three lanes, whose sums then still lie in registers. */
@inline
function columns(
	lanes: i32,
	twice: bool,
	weights: usize,
	values: usize,
	count: usize,
	width: usize,
	shrinks: usize,
	worth: usize,
	to: usize
): void {
	const nothing = i32x4.splat(0);
	const row = width * BYTES;
	let a0 = nothing;
	let b0 = nothing;
	let c0 = nothing;
	let d0 = nothing;
	let a1 = nothing;
	let b1 = nothing;
	let c1 = nothing;
	let d1 = nothing;
	let a2 = nothing;
	let b2 = nothing;
	let a3 = nothing;
	let b3 = nothing;
	const end = weights + count * 2;
	for (let weight = weights; weight < end; weight += 4) {
		const x = eight(values);
		const y = eight(values + row);
		const a = v128.shuffle<i16>(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
		const b = v128.shuffle<i16>(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
		let c = nothing;
		let d = nothing;
		if (twice) {
			const z = eight(values + 8 * BYTES);
			const w = eight(values + 8 * BYTES + row);
			c = v128.shuffle<i16>(z, w, 0, 8, 1, 9, 2, 10, 3, 11);
			d = v128.shuffle<i16>(z, w, 4, 12, 5, 13, 6, 14, 7, 15);
		}
		let pair = v128.load32_splat(weight);
		a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, a));
		b0 = i32x4.add(b0, i32x4.dot_i16x8_s(pair, b));
		if (twice) c0 = i32x4.add(c0, i32x4.dot_i16x8_s(pair, c));
		if (twice) d0 = i32x4.add(d0, i32x4.dot_i16x8_s(pair, d));
		if (lanes > 1) {
			pair = v128.load32_splat(weight + KEYS * 2);
			a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, a));
			b1 = i32x4.add(b1, i32x4.dot_i16x8_s(pair, b));
			if (twice) c1 = i32x4.add(c1, i32x4.dot_i16x8_s(pair, c));
			if (twice) d1 = i32x4.add(d1, i32x4.dot_i16x8_s(pair, d));
		}
		if (lanes > 2) {
			pair = v128.load32_splat(weight + 2 * KEYS * 2);
			a2 = i32x4.add(a2, i32x4.dot_i16x8_s(pair, a));
			b2 = i32x4.add(b2, i32x4.dot_i16x8_s(pair, b));
		}
		if (lanes > 3) {
			pair = v128.load32_splat(weight + 3 * KEYS * 2);
			a3 = i32x4.add(a3, i32x4.dot_i16x8_s(pair, a));
			b3 = i32x4.add(b3, i32x4.dot_i16x8_s(pair, b));
		}
		values += 2 * row;
	}
	put(to, a0, b0, shrinks, worth);
	if (twice) put(to + 32, c0, d0, shrinks, worth);
	if (lanes > 1) put(to + width * 4, a1, b1, shrinks + 4, worth + 4);
	if (lanes > 1 && twice) put(to + width * 4 + 32, c1, d1, shrinks + 4, worth + 4);
	if (lanes > 2) put(to + 2 * width * 4, a2, b2, shrinks + 8, worth + 8);
	if (lanes > 3) put(to + 3 * width * 4, a3, b3, shrinks + 12, worth + 12);
}

/** Eight totals times how they shrink, and what was added up. */
@inline
function put(to: usize, a: v128, b: v128, shrinks: usize, worth: usize): void {
	const shrink = v128.load32_splat(shrinks);
	const unit = v128.load32_splat(worth);
	v128.store(to, madd(f32x4.convert_i32x4_s(a), unit, f32x4.mul(v128.load(to), shrink)));
	v128.store(to, madd(f32x4.convert_i32x4_s(b), unit, f32x4.mul(v128.load(to, 16), shrink)), 16);
}

/** Puts the parts of unit `[kv head, tile]` together. */
export function join(x: Attention, unit: usize, scratch: usize): void {
	const width = x.width;
	const bytes = width * 4;
	const size = partialBytes(width);
	const from = x.partial + unit * x.parts * size;
	let most = f32x4.splat(LEAST);
	for (let part: usize = 0; part < x.parts; part++) most = f32x4.max(most, v128.load(from + part * size));
	let sum = f32x4.splat(0);
	memory.fill(scratch, 0, LANES * bytes);
	const factors = scratch + LANES * bytes;
	for (let part: usize = 0; part < x.parts; part++) {
		const at = from + part * size;
		const factor = exp2(f32x4.sub(v128.load(at), most));
		sum = madd(factor, v128.load(at, 16), sum);
		v128.store(factors, factor);
		for (let lane: usize = 0; lane < LANES; lane++) {
			const share = v128.load32_splat(factors + lane * 4);
			for (let i: usize = lane * bytes; i < (lane + 1) * bytes; i += 16)
				v128.store(scratch + i, madd(share, v128.load(at + 32 + i), v128.load(scratch + i)));
		}
	}
	v128.store(factors, f32x4.div(f32x4.splat(1), sum));
	for (let lane: usize = 0; lane < LANES; lane++)
		finish(
			x, unit / tilesOf(x), unit % tilesOf(x), lane,
			scratch + lane * bytes,
			v128.load32_splat(factors + lane * 4)
		);
}

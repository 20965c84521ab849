/**
 * Causal attention over a cache that is written in place, with rotary embedding (GroupQueryAttention with its halves turned against each
 * other). Keys and values lie [kv head, room, width] in 16 bits (`half.ts`), width a multiple of 8.
 *
 * Up to four queries of one kv head are worked on at once, each in a lane: heads that share it, of one row or of rows one after the other; no
 * more is computed than there are. Keys are taken in runs of 64 with a running maximum, so that memory is as large for 64 positions as for all.
 */
import { high, KEPT, low, narrow, SCALE } from './half';
import { exp, madd, sums } from './vectors';

const LANES: usize = 4;
const KEYS: usize = 64;
/** Less than any score, and no infinity, whose differences are no numbers. */
const LEAST: f32 = -1e30;

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
	/** 16 bits [kv head, room, width] */
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
		const at = (head * x.room + position) * width * 2;
		const from = row * x.keyStride + head * width * 4;
		rotate(x.key + from, x.cos + angles, x.sin + angles, width, 1, scratch);
		finite = narrow(scratch, width, x.keys + at) && finite;
		finite = narrow(x.value + from, width, x.values + at) && finite;
	}
	return finite;
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

/** Row and head of a lane; the last tile's spare lanes repeat its last query. */
@inline
function queryOf(x: Attention, tile: usize, lane: usize): usize {
	return min(tile * LANES + lane, x.rows * (x.heads / x.kvHeads) - 1);
}

/** Unit `[kv head, tile, part]`. @param scratch 16 bytes for each of 64 keys and of twice the width */
export function attend(x: Attention, unit: usize, scratch: usize): void {
	const width = x.width;
	const bytes = width * 4;
	const group = x.heads / x.kvHeads;
	const part = unit % x.parts;
	const tile = (unit / x.parts) % tilesOf(x);
	const kv = unit / x.parts / tilesOf(x);
	const queries = scratch;
	const totals = queries + LANES * bytes;
	const scores = totals + LANES * bytes;

	let limits = i32x4.splat(0);
	let end: usize = 0;
	for (let lane: usize = 0; lane < LANES; lane++) {
		const query = queryOf(x, tile, lane);
		const row = query / group;
		const head = kv * group + (query % group);
		const angles = (x.past + row) * width * 2;
		rotate(
			x.query + row * x.queryStride + head * bytes,
			x.cos + angles, x.sin + angles, width, x.scale * SCALE,
			queries + lane * bytes
		);
		const limit = x.past + row + 1;
		end = max(end, limit);
		if (lane === 0) limits = i32x4.replace_lane(limits, 0, <i32>limit);
		else if (lane === 1) limits = i32x4.replace_lane(limits, 1, <i32>limit);
		else if (lane === 2) limits = i32x4.replace_lane(limits, 2, <i32>limit);
		else limits = i32x4.replace_lane(limits, 3, <i32>limit);
	}
	memory.fill(totals, 0, LANES * bytes);
	let most = f32x4.splat(LEAST);
	let sum = f32x4.splat(0);
	const keys = x.keys + ((kv * x.room * bytes) >> 1);
	const values = x.values + ((kv * x.room * bytes) >> 1);
	const lanes = min(LANES, x.rows * group - tile * LANES);
	end = min(end, (part + 1) * x.partKeys);
	for (let first = part * x.partKeys; first < end; first += KEYS) {
		const count = min(KEYS, end - first);
		const at = (first * bytes) >> 1;
		let greatest: v128;
		if (lanes === 4) greatest = score(4, 2, queries, keys + at, count, bytes, limits, first, scores);
		else if (lanes === 3) greatest = score(3, 2, queries, keys + at, count, bytes, limits, first, scores);
		else if (lanes === 2) greatest = score(2, 4, queries, keys + at, count, bytes, limits, first, scores);
		else greatest = score(1, 4, queries, keys + at, count, bytes, limits, first, scores);
		const next = f32x4.max(most, greatest);
		const shrink = exp(f32x4.sub(most, next));
		most = next;
		sum = f32x4.mul(sum, shrink);
		for (let i: usize = 0; i < count * 16; i += 16) {
			const weight = exp(f32x4.sub(v128.load(scores + i), next));
			sum = f32x4.add(sum, weight);
			v128.store(scores + i, f32x4.mul(weight, f32x4.splat(SCALE)));
		}
		if (lanes === 4) accumulate(4, scores, values + at, count, bytes, shrink, totals);
		else if (lanes === 3) accumulate(3, scores, values + at, count, bytes, shrink, totals);
		else if (lanes === 2) accumulate(2, scores, values + at, count, bytes, shrink, totals);
		else accumulate(1, scores, values + at, count, bytes, shrink, totals);
	}
	if (x.parts > 1) {
		const to = x.partial + unit * partialBytes(width);
		v128.store(to, most);
		v128.store(to, sum, 16);
		memory.copy(to + 32, totals, LANES * bytes);
		return;
	}
	v128.store(scores, f32x4.div(f32x4.splat(1), sum));
	for (let lane: usize = 0; lane < LANES; lane++)
		finish(x, kv, tile, lane, totals + lane * bytes, v128.load32_splat(scores + lane * 4));
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
 * Scores of `count` keys for the queries of a tile, [key, 4]. Keys are taken some at once, as many as registers hold sums of; the last one
 * again where there are too few.
 * @returns the greatest of each
 */
@inline
function score(
	lanes: i32,
	together: usize,
	queries: usize,
	keys: usize,
	count: usize,
	bytes: usize,
	limits: v128,
	first: usize,
	to: usize
): v128 {
	const least = f32x4.splat(LEAST);
	const mask = i32x4.splat(KEPT);
	const half = bytes >> 1;
	const nothing = f32x4.splat(0);
	let greatest = least;
	for (let key: usize = 0; key < count; key += together) {
		const last = count - 1;
		let k0 = keys + key * half;
		let k1 = keys + min(key + 1, last) * half;
		let k2 = keys + min(key + 2, last) * half;
		let k3 = keys + min(key + 3, last) * half;
		let a0 = nothing;
		let a1 = nothing;
		let a2 = nothing;
		let a3 = nothing;
		let b0 = nothing;
		let b1 = nothing;
		let b2 = nothing;
		let b3 = nothing;
		let c0 = nothing;
		let c1 = nothing;
		let c2 = nothing;
		let c3 = nothing;
		let d0 = nothing;
		let d1 = nothing;
		let d2 = nothing;
		let d3 = nothing;
		const end = queries + bytes;
		for (let q = queries; q < end; q += 32) {
			const a = v128.load(k0);
			const b = v128.load(k1);
			const c = together > 2 ? v128.load(k2) : nothing;
			const d = together > 3 ? v128.load(k3) : nothing;
			let x = low(a, mask);
			let y = low(b, mask);
			let z = low(c, mask);
			let w = low(d, mask);
			let query = v128.load(q);
			a0 = madd(query, x, a0);
			b0 = madd(query, y, b0);
			if (together > 2) c0 = madd(query, z, c0);
			if (together > 3) d0 = madd(query, w, d0);
			if (lanes > 1) {
				query = v128.load(q + bytes);
				a1 = madd(query, x, a1);
				b1 = madd(query, y, b1);
				if (together > 2) c1 = madd(query, z, c1);
				if (together > 3) d1 = madd(query, w, d1);
			}
			if (lanes > 2) {
				query = v128.load(q + 2 * bytes);
				a2 = madd(query, x, a2);
				b2 = madd(query, y, b2);
				if (together > 2) c2 = madd(query, z, c2);
				if (together > 3) d2 = madd(query, w, d2);
			}
			if (lanes > 3) {
				query = v128.load(q + 3 * bytes);
				a3 = madd(query, x, a3);
				b3 = madd(query, y, b3);
				if (together > 2) c3 = madd(query, z, c3);
				if (together > 3) d3 = madd(query, w, d3);
			}
			x = high(a, mask);
			y = high(b, mask);
			z = high(c, mask);
			w = high(d, mask);
			query = v128.load(q, 16);
			a0 = madd(query, x, a0);
			b0 = madd(query, y, b0);
			if (together > 2) c0 = madd(query, z, c0);
			if (together > 3) d0 = madd(query, w, d0);
			if (lanes > 1) {
				query = v128.load(q + bytes, 16);
				a1 = madd(query, x, a1);
				b1 = madd(query, y, b1);
				if (together > 2) c1 = madd(query, z, c1);
				if (together > 3) d1 = madd(query, w, d1);
			}
			if (lanes > 2) {
				query = v128.load(q + 2 * bytes, 16);
				a2 = madd(query, x, a2);
				b2 = madd(query, y, b2);
				if (together > 2) c2 = madd(query, z, c2);
				if (together > 3) d2 = madd(query, w, d2);
			}
			if (lanes > 3) {
				query = v128.load(q + 3 * bytes, 16);
				a3 = madd(query, x, a3);
				b3 = madd(query, y, b3);
				if (together > 2) c3 = madd(query, z, c3);
				if (together > 3) d3 = madd(query, w, d3);
			}
			k0 += 16;
			k1 += 16;
			k2 += 16;
			k3 += 16;
		}
		const at = to + key * 16;
		greatest = f32x4.max(greatest, seen(sums(a0, a1, a2, a3), limits, first + key, at));
		greatest = f32x4.max(greatest, seen(sums(b0, b1, b2, b3), limits, first + min(key + 1, last), at + 16));
		if (together > 2)
			greatest = f32x4.max(greatest, seen(sums(c0, c1, c2, c3), limits, first + min(key + 2, last), at + 32));
		if (together > 3)
			greatest = f32x4.max(greatest, seen(sums(d0, d1, d2, d3), limits, first + min(key + 3, last), at + 48));
	}
	return greatest;
}

/** A key's scores, written: those of queries before it are least. */
@inline
function seen(scores: v128, limits: v128, position: usize, to: usize): v128 {
	const all = v128.bitselect(scores, f32x4.splat(LEAST), i32x4.gt_s(limits, i32x4.splat(<i32>position)));
	v128.store(to, all);
	return all;
}

/** totals [4, width] = totals · shrink + Σ weights [key, 4] · values [key, width]. */
@inline
function accumulate(
	lanes: i32,
	weights: usize,
	values: usize,
	count: usize,
	bytes: usize,
	shrink: v128,
	totals: usize
): void {
	let i: usize = 0;
	if (lanes < 4)
		for (; i + 64 <= bytes; i += 64)
			columns(lanes, true, weights, values + (i >> 1), count, bytes, shrink, totals + i);
	for (; i < bytes; i += 32)
		columns(lanes, false, weights, values + (i >> 1), count, bytes, shrink, totals + i);
}

/** `accumulate` of 8 columns, or of twice as many for fewer than four lanes, whose sums then still lie in registers. */
@inline
function columns(
	lanes: i32,
	twice: bool,
	weights: usize,
	values: usize,
	count: usize,
	bytes: usize,
	shrink: v128,
	t0: usize
): void {
	const mask = i32x4.splat(KEPT);
	const nothing = f32x4.splat(0);
	const half = bytes >> 1;
	const t1 = t0 + bytes;
	const t2 = t1 + bytes;
	const t3 = t2 + bytes;
	const s0 = v128.shuffle<f32>(shrink, shrink, 0, 0, 0, 0);
	const s1 = v128.shuffle<f32>(shrink, shrink, 1, 1, 1, 1);
	const s2 = v128.shuffle<f32>(shrink, shrink, 2, 2, 2, 2);
	const s3 = v128.shuffle<f32>(shrink, shrink, 3, 3, 3, 3);
	let a0 = f32x4.mul(v128.load(t0), s0);
	let b0 = f32x4.mul(v128.load(t0, 16), s0);
	let c0 = twice ? f32x4.mul(v128.load(t0, 32), s0) : nothing;
	let d0 = twice ? f32x4.mul(v128.load(t0, 48), s0) : nothing;
	let a1 = lanes > 1 ? f32x4.mul(v128.load(t1), s1) : nothing;
	let b1 = lanes > 1 ? f32x4.mul(v128.load(t1, 16), s1) : nothing;
	let c1 = lanes > 1 && twice ? f32x4.mul(v128.load(t1, 32), s1) : nothing;
	let d1 = lanes > 1 && twice ? f32x4.mul(v128.load(t1, 48), s1) : nothing;
	let a2 = lanes > 2 ? f32x4.mul(v128.load(t2), s2) : nothing;
	let b2 = lanes > 2 ? f32x4.mul(v128.load(t2, 16), s2) : nothing;
	let c2 = lanes > 2 && twice ? f32x4.mul(v128.load(t2, 32), s2) : nothing;
	let d2 = lanes > 2 && twice ? f32x4.mul(v128.load(t2, 48), s2) : nothing;
	let a3 = lanes > 3 ? f32x4.mul(v128.load(t3), s3) : nothing;
	let b3 = lanes > 3 ? f32x4.mul(v128.load(t3, 16), s3) : nothing;
	const end = weights + count * 16;
	for (let weight = weights; weight < end; weight += 16) {
		const first = v128.load(values);
		const a = low(first, mask);
		const b = high(first, mask);
		const second = twice ? v128.load(values, 16) : nothing;
		const c = low(second, mask);
		const d = high(second, mask);
		let w = v128.load32_splat(weight);
		a0 = madd(w, a, a0);
		b0 = madd(w, b, b0);
		if (twice) c0 = madd(w, c, c0);
		if (twice) d0 = madd(w, d, d0);
		if (lanes > 1) {
			w = v128.load32_splat(weight, 4);
			a1 = madd(w, a, a1);
			b1 = madd(w, b, b1);
			if (twice) c1 = madd(w, c, c1);
			if (twice) d1 = madd(w, d, d1);
		}
		if (lanes > 2) {
			w = v128.load32_splat(weight, 8);
			a2 = madd(w, a, a2);
			b2 = madd(w, b, b2);
			if (twice) c2 = madd(w, c, c2);
			if (twice) d2 = madd(w, d, d2);
		}
		if (lanes > 3) {
			w = v128.load32_splat(weight, 12);
			a3 = madd(w, a, a3);
			b3 = madd(w, b, b3);
		}
		values += half;
	}
	v128.store(t0, a0);
	v128.store(t0, b0, 16);
	if (twice) v128.store(t0, c0, 32);
	if (twice) v128.store(t0, d0, 48);
	if (lanes > 1) {
		v128.store(t1, a1);
		v128.store(t1, b1, 16);
		if (twice) v128.store(t1, c1, 32);
		if (twice) v128.store(t1, d1, 48);
	}
	if (lanes > 2) {
		v128.store(t2, a2);
		v128.store(t2, b2, 16);
		if (twice) v128.store(t2, c2, 32);
		if (twice) v128.store(t2, d2, 48);
	}
	if (lanes > 3) {
		v128.store(t3, a3);
		v128.store(t3, b3, 16);
	}
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
		const factor = exp(f32x4.sub(v128.load(at), most));
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

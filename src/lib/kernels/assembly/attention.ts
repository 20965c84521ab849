/**
 * Causal attention over a cache that is written in place, with rotary embedding (GroupQueryAttention with its halves turned against each
 * other). Keys and values lie [kv head, room, width], width a multiple of 8.
 *
 * Four queries of one kv head are worked on at once, each in a lane: heads that share it, of one row or of rows one after the other. Keys are
 * taken in runs of 64 with a running maximum, so that memory is as large for 64 positions as for all.
 */
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

/** Writes a row's keys and values into the cache. */
export function remember(x: Attention, row: usize): void {
	const width = x.width;
	const position = x.past + row;
	const angles = position * width * 2;
	for (let head: usize = 0; head < x.kvHeads; head++) {
		const at = (head * x.room + position) * width * 4;
		const from = row * x.keyStride + head * width * 4;
		rotate(x.key + from, x.cos + angles, x.sin + angles, width, 1, x.keys + at);
		memory.copy(x.values + at, x.value + from, width * 4);
	}
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
			x.cos + angles, x.sin + angles, width, x.scale,
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
	const keys = x.keys + kv * x.room * bytes;
	const values = x.values + kv * x.room * bytes;
	end = min(end, (part + 1) * x.partKeys);
	for (let first = part * x.partKeys; first < end; first += KEYS) {
		const count = min(KEYS, end - first);
		const greatest = score(queries, keys + first * bytes, count, bytes, limits, first, scores);
		const next = f32x4.max(most, greatest);
		const shrink = exp(f32x4.sub(most, next));
		most = next;
		sum = f32x4.mul(sum, shrink);
		for (let i: usize = 0; i < count * 16; i += 16) {
			const weight = exp(f32x4.sub(v128.load(scores + i), next));
			sum = f32x4.add(sum, weight);
			v128.store(scores + i, weight);
		}
		accumulate(scores, values + first * bytes, count, bytes, shrink, totals);
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

/** Scores of `count` keys for four queries, [key, 4]. @returns the greatest of each */
function score(
	queries: usize,
	keys: usize,
	count: usize,
	bytes: usize,
	limits: v128,
	first: usize,
	to: usize
): v128 {
	const least = f32x4.splat(LEAST);
	let greatest = least;
	for (let key: usize = 0; key < count; key += 2) {
		const k = keys + key * bytes;
		// The last of an odd count is taken twice.
		const l = key + 1 < count ? k + bytes : k;
		let a0 = f32x4.splat(0);
		let a1 = a0;
		let a2 = a0;
		let a3 = a0;
		let b0 = a0;
		let b1 = a0;
		let b2 = a0;
		let b3 = a0;
		for (let i: usize = 0; i < bytes; i += 16) {
			const a = v128.load(k + i);
			const b = v128.load(l + i);
			let q = v128.load(queries + i);
			a0 = madd(q, a, a0);
			b0 = madd(q, b, b0);
			q = v128.load(queries + bytes + i);
			a1 = madd(q, a, a1);
			b1 = madd(q, b, b1);
			q = v128.load(queries + 2 * bytes + i);
			a2 = madd(q, a, a2);
			b2 = madd(q, b, b2);
			q = v128.load(queries + 3 * bytes + i);
			a3 = madd(q, a, a3);
			b3 = madd(q, b, b3);
		}
		const position = i32x4.splat(<i32>(first + key));
		const seen = v128.bitselect(sums(a0, a1, a2, a3), least, i32x4.gt_s(limits, position));
		v128.store(to + key * 16, seen);
		greatest = f32x4.max(greatest, seen);
		if (key + 1 < count) {
			const next = i32x4.add(position, i32x4.splat(1));
			const also = v128.bitselect(sums(b0, b1, b2, b3), least, i32x4.gt_s(limits, next));
			v128.store(to + key * 16, also, 16);
			greatest = f32x4.max(greatest, also);
		}
	}
	return greatest;
}

/** totals [4, width] = totals · shrink + Σ weights [key, 4] · values [key, width]. */
function accumulate(
	weights: usize,
	values: usize,
	count: usize,
	bytes: usize,
	shrink: v128,
	totals: usize
): void {
	const s0 = v128.shuffle<f32>(shrink, shrink, 0, 0, 0, 0);
	const s1 = v128.shuffle<f32>(shrink, shrink, 1, 1, 1, 1);
	const s2 = v128.shuffle<f32>(shrink, shrink, 2, 2, 2, 2);
	const s3 = v128.shuffle<f32>(shrink, shrink, 3, 3, 3, 3);
	for (let i: usize = 0; i < bytes; i += 32) {
		const t0 = totals + i;
		const t1 = t0 + bytes;
		const t2 = t1 + bytes;
		const t3 = t2 + bytes;
		let a0 = f32x4.mul(v128.load(t0), s0);
		let b0 = f32x4.mul(v128.load(t0, 16), s0);
		let a1 = f32x4.mul(v128.load(t1), s1);
		let b1 = f32x4.mul(v128.load(t1, 16), s1);
		let a2 = f32x4.mul(v128.load(t2), s2);
		let b2 = f32x4.mul(v128.load(t2, 16), s2);
		let a3 = f32x4.mul(v128.load(t3), s3);
		let b3 = f32x4.mul(v128.load(t3, 16), s3);
		let at = values + i;
		const end = weights + count * 16;
		for (let weight = weights; weight < end; weight += 16) {
			const a = v128.load(at);
			const b = v128.load(at, 16);
			let w = v128.load32_splat(weight);
			a0 = madd(w, a, a0);
			b0 = madd(w, b, b0);
			w = v128.load32_splat(weight, 4);
			a1 = madd(w, a, a1);
			b1 = madd(w, b, b1);
			w = v128.load32_splat(weight, 8);
			a2 = madd(w, a, a2);
			b2 = madd(w, b, b2);
			w = v128.load32_splat(weight, 12);
			a3 = madd(w, a, a3);
			b3 = madd(w, b, b3);
			at += bytes;
		}
		v128.store(t0, a0);
		v128.store(t0, b0, 16);
		v128.store(t1, a1);
		v128.store(t1, b1, 16);
		v128.store(t2, a2);
		v128.store(t2, b2, 16);
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

/**
 * Runs a program: what a decoder does for some positions, step by step. All threads run it side by side on one memory; a step is cut into
 * units, of which every thread takes the next one that nobody has, and the next step begins when all are done.
 *
 * A step is 24 words of 32 bits: kind, units taken (0 at the start), units, arguments.
 */
import { Attention, attend, join, remember } from './attention';
import { narrow, widen } from './cache';
import {
	activationBytes,
	arrangeNumbers,
	arrangeScales,
	arrangeZeros,
	groupBytes,
	product,
	quantizeRow
} from './product';
import { combine, normalize, quickGelu, scale } from './rows';

export * from './variables';
export { arrangeNumbers, arrangeScales, arrangeZeros, groupBytes, activationBytes, narrow, widen };

const STEP: usize = 96;

/** Kinds of steps, by number as in `steps.ts`. */
const PRODUCT: i32 = 0;
const QUANTIZE: i32 = 1;
const NORMALIZE: i32 = 2;
const QUICK_GELU: i32 = 3;
const COMBINE: i32 = 4;
const SCALE: i32 = 5;
const GATHER: i32 = 6;
const REMEMBER: i32 = 7;
const ATTEND: i32 = 8;
const JOIN: i32 = 9;

/** What threads tell each other; the words of `Control` in `steps.ts`. */
@unmanaged
class Control {
	/** Counts programs; threads wait for its change. */
	program: i32;
	/** Counts arrivals at the end of steps, of all programs. */
	arrived: i32;
	/** Threads that sleep until the others have arrived. */
	sleeping: i32;
	/** `arrived` before the program. */
	begin: i32;
	steps: usize;
	count: usize;
	/** Not 0 once keys or values were no finite numbers, which the cache does not hold. */
	notFinite: i32;
	/** Not 0 once a thread has failed: nobody waits for it any longer. */
	failed: i32;
	/** How many naps the first thread waits for one that does not arrive. */
	patience: i32;
}

/** How often a thread looks before it sleeps. */
const LOOKS: i32 = 20000;
/** How long the first thread sleeps at once, in nanoseconds: what a machine sleeps meanwhile counts as one nap. */
const NAP: i64 = 100_000_000;
/** Looks of a thread that may not sleep, in the time of a nap, roughly. */
const LOOKS_OF_A_NAP: i64 = 20_000_000;
/** Of `atomic.wait`. */
const TIMED_OUT: i32 = 2;

@inline
function word(step: usize, index: usize): usize {
	return load<u32>(step + 12 + index * 4);
}

@inline
function float(step: usize, index: usize): f32 {
	return load<f32>(step + 12 + index * 4);
}

function unitOf(control: Control, step: usize, kind: i32, unit: usize, scratch: usize): void {
	if (kind === PRODUCT) {
		const each = word(step, 6);
		product(
			word(step, 0), word(step, 1), word(step, 2), word(step, 3), word(step, 4), word(step, 5),
			unit * each, min((unit + 1) * each, (word(step, 3) + 3) / 4),
			scratch
		);
	} else if (kind === ATTEND) attend(changetype<Attention>(step + 12), unit, scratch);
	else if (kind === REMEMBER) {
		if (!remember(changetype<Attention>(step + 12), unit, scratch)) control.notFinite = 1;
	} else if (kind === JOIN) join(changetype<Attention>(step + 12), unit, scratch);
	else if (kind === QUANTIZE) {
		const columns = word(step, 1);
		quantizeRow(word(step, 0) + unit * columns * 4, columns, unit, word(step, 2), word(step, 3));
	} else if (kind === NORMALIZE) {
		const columns = word(step, 3);
		const row = unit * columns * 4;
		normalize(
			word(step, 0) + row,
			word(step, 1) ? word(step, 1) + row : 0,
			word(step, 2), columns, float(step, 4),
			word(step, 5) + row,
			word(step, 6) ? word(step, 6) + row : 0
		);
	} else if (kind === QUICK_GELU) {
		const row = unit * word(step, 1) * 4;
		quickGelu(word(step, 0) + row, word(step, 1), float(step, 2), word(step, 3) + row);
	} else if (kind === COMBINE) {
		const row = unit * word(step, 2) * 4;
		// The second may be one row for all.
		combine(
			word(step, 0) + row,
			word(step, 3) ? word(step, 1) + row : word(step, 1),
			word(step, 2), word(step, 4) !== 0,
			word(step, 5) + row
		);
	} else if (kind === SCALE) {
		const row = unit * word(step, 1) * 4;
		scale(word(step, 0) + row, word(step, 1), float(step, 2), word(step, 3) + row);
	} else if (kind === GATHER) {
		const bytes = word(step, 2) * 4;
		memory.copy(word(step, 3) + unit * bytes, word(step, 0) + <usize>load<u32>(word(step, 1) + unit * 4) * bytes, bytes);
	}
}

/**
 * Waits until all threads have come so far; by looking alone where sleeping is not allowed.
 * @param leads the first thread gives up when one has failed or does not come; the others are ended by it
 * @returns whether all have come
 */
function meet(control: Control, target: i32, leads: bool, sleeps: bool): bool {
	const at = changetype<usize>(control);
	const arrived = at + offsetof<Control>('arrived');
	const sleeping = at + offsetof<Control>('sleeping');
	const failed = at + offsetof<Control>('failed');
	if (atomic.add<i32>(arrived, 1) + 1 === target) {
		if (atomic.load<i32>(sleeping)) atomic.notify(arrived, -1);
		return true;
	}
	for (let look = 0; look < LOOKS; look++) if (atomic.load<i32>(arrived) - target >= 0) return true;
	if (!sleeps) {
		const most = LOOKS_OF_A_NAP * <i64>control.patience;
		for (let look: i64 = 0; look < most; look++) {
			if (atomic.load<i32>(arrived) - target >= 0) return true;
			if (atomic.load<i32>(failed)) break;
		}
		atomic.store<i32>(failed, 1);
		return false;
	}
	atomic.add<i32>(sleeping, 1);
	let naps = 0;
	let before = atomic.load<i32>(arrived);
	let all = true;
	for (;;) {
		const now = atomic.load<i32>(arrived);
		if (now - target >= 0) break;
		if (now !== before) naps = 0;
		before = now;
		if (leads && (atomic.load<i32>(failed) || naps > control.patience)) {
			atomic.store<i32>(failed, 1);
			all = false;
			break;
		}
		if (atomic.wait<i32>(arrived, now, leads ? NAP : -1) === TIMED_OUT) naps++;
	}
	atomic.sub<i32>(sleeping, 1);
	return all;
}

/** One thread's share of the program. @returns whether all threads have come to its end */
function run(control: Control, threads: i32, scratch: usize, leads: bool, sleeps: bool): bool {
	let target = control.begin;
	const count = control.count;
	let step = control.steps;
	for (let i: usize = 0; i < count; i++) {
		const kind = load<i32>(step);
		const units = load<i32>(step + 8);
		if (threads === 1) for (let unit = 0; unit < units; unit++) unitOf(control, step, kind, unit, scratch);
		else {
			for (;;) {
				const unit = atomic.add<i32>(step + 4, 1);
				if (unit >= units) break;
				unitOf(control, step, kind, unit, scratch);
			}
			target += threads;
			if (!meet(control, target, leads, sleeps)) return false;
		}
		step += STEP;
	}
	return true;
}

/** A thread beside the first one: runs every program, and never returns. */
export function serve(control: Control, threads: i32, scratch: usize): void {
	const program = changetype<usize>(control) + offsetof<Control>('program');
	let done = 0;
	for (;;) {
		for (let look = 0; look < LOOKS; look++) if (atomic.load<i32>(program) !== done) break;
		while (atomic.load<i32>(program) === done) atomic.wait<i32>(program, done, -1);
		done++;
		run(control, threads, scratch, false, true);
	}
}

/**
 * Runs the program with all threads.
 * @param sleeps whether this one may sleep, as a page's own may not
 * @returns whether it was run to its end; no other one can be when a thread has failed
 */
export function lead(control: Control, threads: i32, scratch: usize, sleeps: bool): bool {
	if (threads > 1) {
		const program = changetype<usize>(control) + offsetof<Control>('program');
		control.begin = control.arrived;
		atomic.add<i32>(program, 1);
		atomic.notify(program, -1);
	}
	return run(control, threads, scratch, true, sleeps);
}

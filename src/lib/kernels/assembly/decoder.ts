/**
 * Runs a program: what a decoder does for some positions, step by step. All threads run it side by side on one memory; a step is cut into
 * units, of which every thread takes the next one that nobody has, and the next step begins when all are done.
 *
 * A step is 24 words of 32 bits: kind, units taken (0 at the start), units, arguments.
 */
import { Attention, attend, join, remember } from './attention';
import { narrow, widen } from './half';
import { arrange, groupBytes, activationBytes, product, quantizeRow } from './product';
import { combine, normalize, quickGelu, scale } from './rows';

export { arrange, groupBytes, activationBytes, narrow, widen };

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
}

/** How often a thread looks before it sleeps. */
const LOOKS: i32 = 20000;

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

/** Waits until all threads have come so far; by looking alone where sleeping is not allowed. */
function meet(control: Control, target: i32, sleeps: bool): void {
	const at = changetype<usize>(control);
	const arrived = at + offsetof<Control>('arrived');
	const sleeping = at + offsetof<Control>('sleeping');
	if (atomic.add<i32>(arrived, 1) + 1 === target) {
		if (atomic.load<i32>(sleeping)) atomic.notify(arrived, -1);
		return;
	}
	for (let look = 0; look < LOOKS || !sleeps; look++) if (atomic.load<i32>(arrived) - target >= 0) return;
	atomic.add<i32>(sleeping, 1);
	for (;;) {
		const now = atomic.load<i32>(arrived);
		if (now - target >= 0) break;
		atomic.wait<i32>(arrived, now, -1);
	}
	atomic.sub<i32>(sleeping, 1);
}

/** One thread's share of the program. */
function run(control: Control, threads: i32, scratch: usize, sleeps: bool): void {
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
			meet(control, target, sleeps);
		}
		step += STEP;
	}
}

/** A thread beside the first one: runs every program, and never returns. */
export function serve(control: Control, threads: i32, scratch: usize): void {
	const program = changetype<usize>(control) + offsetof<Control>('program');
	let done = 0;
	for (;;) {
		for (let look = 0; look < LOOKS; look++) if (atomic.load<i32>(program) !== done) break;
		while (atomic.load<i32>(program) === done) atomic.wait<i32>(program, done, -1);
		done++;
		run(control, threads, scratch, true);
	}
}

/** Runs the program with all threads. @param sleeps whether this one may sleep, as a page's own may not */
export function lead(control: Control, threads: i32, scratch: usize, sleeps: bool): void {
	if (threads > 1) {
		const program = changetype<usize>(control) + offsetof<Control>('program');
		control.begin = control.arrived;
		atomic.add<i32>(program, 1);
		atomic.notify(program, -1);
	}
	run(control, threads, scratch, sleeps);
}

/** What checks cost in CPU seconds, where the system tells (Linux): how long one takes depends on what runs beside it. */
import { readFileSync, readdirSync } from 'node:fs';

/**
 * @typedef {{ pid: number, parent: number, start: number, own: number, waited: number }} Process
 *   `start`: when it began, so that a number given out again is another process; `own`: CPU seconds of it; `waited`: of those that it has
 *   started and waited for
 */

/** The unit of /proc, the same on every Linux: seconds. */
const TICK = 0.01;

/** Milliseconds between two looks. */
const INTERVAL = 500;

/**
 * @param {string} text `/proc/<pid>/stat`
 * @returns {Process}
 */
export function readStat(text) {
	// The name of the program stands in brackets and may hold any.
	const end = text.lastIndexOf(')');
	const fields = text
		.slice(end + 2)
		.split(' ')
		.map(Number);
	/** @param {number} number as counted in proc(5) */
	const field = (number) => fields[number - 3] ?? 0;
	return {
		pid: parseInt(text),
		parent: field(4),
		start: field(22),
		own: (field(14) + field(15)) * TICK,
		waited: (field(16) + field(17)) * TICK
	};
}

/** The processes of one check: those that it starts and all that these start, as they were when they were seen last. */
export class Processes {
	/** @type {Set<number>} */
	#roots = new Set();
	/** @type {Map<number, Process & { gone: boolean }>} */
	#seen = new Map();

	/** @param {number} pid */
	add(pid) {
		this.#roots.add(pid);
	}

	/** @param {readonly Process[]} all of the machine */
	look(all) {
		const now = new Map(all.map((one) => [one.pid, one]));
		for (const one of this.#seen.values()) one.gone = now.get(one.pid)?.start !== one.start;
		const ours = (/** @type {Process} */ { pid, parent, start }) => {
			const seen = this.#seen.get(pid);
			return this.#roots.has(pid) || this.#lives(parent) || (seen?.start === start && !seen.gone);
		};
		for (let more = true; more;) {
			more = false;
			for (const one of now.values()) {
				if (!ours(one)) continue;
				more ||= !this.#lives(one.pid);
				// Whoever outlives what started it is still this one's.
				const parent = this.#lives(one.pid) ? this.#seen.get(one.pid)?.parent : undefined;
				this.#seen.set(one.pid, { ...one, parent: parent ?? one.parent, gone: false });
			}
		}
	}

	/** What is known of those that ended comes from the last look at them or from whoever waited for them, whichever is more. */
	get seconds() {
		/** @type {Map<number, (Process & { gone: boolean })[]>} */
		const children = new Map();
		for (const one of this.#seen.values()) {
			const { parent } = one;
			children.set(parent, [...(children.get(parent) ?? []), one]);
		}
		/** @type {(one: Process) => number} */
		const whole = ({ pid, own, waited }) => {
			let ended = 0;
			let running = 0;
			for (const child of children.get(pid) ?? []) {
				if (child.gone) ended += whole(child);
				else running += whole(child);
			}
			return own + Math.max(waited, ended) + running;
		};
		let sum = 0;
		for (const one of this.#seen.values()) if (this.#roots.has(one.pid)) sum += whole(one);
		return sum;
	}

	/** @param {number} pid */
	#lives(pid) {
		return this.#seen.get(pid)?.gone === false;
	}
}

/** @returns {Process[] | undefined} undefined where the system does not tell */
function processes() {
	try {
		return readdirSync('/proc')
			.filter((name) => /^\d+$/.test(name))
			.flatMap((name) => {
				try {
					return [readStat(readFileSync(`/proc/${name}/stat`, 'latin1'))];
				} catch {
					// It has ended meanwhile.
					return [];
				}
			});
	} catch {
		return undefined;
	}
}

/** @type {Set<Processes>} */
const watched = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

/**
 * Watches what a check starts.
 * @returns {{ add: (pid: number) => void, end: () => number | undefined }} `end`: CPU seconds so far; undefined where the system does not
 *   tell
 */
export function watchCpu() {
	const ours = new Processes();
	watched.add(ours);
	timer ??= setInterval(() => {
		const all = processes();
		if (all) for (const one of watched) one.look(all);
	}, INTERVAL).unref();
	return {
		add: (pid) => ours.add(pid),
		end() {
			watched.delete(ours);
			if (watched.size === 0) {
				clearInterval(timer);
				timer = undefined;
			}
			return processes() ? ours.seconds : undefined;
		}
	};
}

// @vitest-environment runes
import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PageStates, type Workbench } from '../../../../src/lib/workbench/frame/page-states.svelte.ts';

class Counter {
	count = $state(1);
	readonly twice = $derived(this.count * 2);
	readonly seen: number[] = [];

	constructor() {
		$effect(() => void this.seen.push(this.twice));
	}
}

const warn = vi.spyOn(console, 'warn');
beforeEach(() => void warn.mockClear());
afterEach(() => expect(warn).not.toHaveBeenCalled());

/** Runs `visit` as the component of a page is made, and leaves the page. */
function visited<T>(visit: () => T): T {
	let result!: T;
	const leave = $effect.root(() => {
		result = visit();
	});
	flushSync();
	leave();
	return result;
}

const workbench = { base: 'http://site/' } as Workbench;

test('a state is made at the first visit, and is alive at the next one', () => {
	const states = new PageStates(workbench);
	const make = vi.fn(() => new Counter());
	const definition = { make, dispose: undefined };
	const first = visited(() => states.get(definition));
	expect(make.mock.calls).toEqual([[workbench]]);
	first.count = 2;
	flushSync();
	expect(first.seen).toEqual([2, 4]);
	const second = visited(() => states.get(definition));
	expect(second).toBe(first);
	second.count = 3;
	flushSync();
	expect([second.twice, second.seen]).toEqual([6, [2, 4, 6]]);
});

test('states end with the layout, with their effects', () => {
	const states = new PageStates(workbench);
	const dispose = vi.fn();
	const counter = visited(() => states.get({ make: () => new Counter(), dispose }));
	expect(dispose).not.toHaveBeenCalled();
	states.dispose();
	expect(dispose.mock.calls).toEqual([[counter]]);
	counter.count = 2;
	flushSync();
	expect(counter.seen).toEqual([2]);
});

test('a state that cannot be made is asked for again at the next visit', () => {
	const states = new PageStates(workbench);
	let fails = true;
	const definition = {
		make: () => {
			if (fails) throw new Error('No storage.');
			return new Counter();
		},
		dispose: undefined
	};
	expect(() => visited(() => states.get(definition))).toThrow('No storage.');
	fails = false;
	expect(visited(() => states.get(definition)).count).toBe(1);
});

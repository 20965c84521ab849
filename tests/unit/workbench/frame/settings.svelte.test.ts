// @vitest-environment runes
import { flushSync, untrack } from 'svelte';
import { expect, it } from 'vitest';
import { oneWord, PageSettings, type Settings } from '../../../../src/lib/workbench/frame/settings.svelte.ts';

/** A page with one setting, and the hand that changes it. */
function page(name: string) {
	let value = $state<'a' | 'b'>('a');
	const settings: Settings = {
		[name]: oneWord(
			['a', 'b'],
			'a',
			() => value,
			(now) => (value = now)
		)
	};
	return { settings, choose: (now: 'a' | 'b') => (value = now) };
}

it('a page that takes the place of another has its settings in the address, as one that was opened by its address', () => {
	const settings = new PageSettings(() => new URLSearchParams());
	const [first, second] = [page('first'), page('second')];
	let seen: ReadonlyMap<string, string | undefined> = new Map();
	let end = () => undefined as void;
	const endAll = $effect.root(() => {
		$effect(() => {
			seen = settings.words;
		});
		end = $effect.root(() => {
			$effect(() => untrack(() => settings.add(first.settings)));
		});
	});
	flushSync();
	expect([...seen.keys()]).toEqual(['first']);
	// SvelteKit makes the new page before the old one ends, in one flush.
	flushSync(() => {
		settings.add(second.settings);
		end();
	});
	expect([...seen.keys()]).toEqual(['second']);
	flushSync(() => second.choose('b'));
	expect(seen.get('second')).toBe('b');
	endAll();
});

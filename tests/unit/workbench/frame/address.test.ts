import { describe, expect, it } from 'vitest';
import {
	differing,
	embeddedImage,
	findImage,
	imageWord,
	linkedMemory,
	readView,
	viewWords,
	withWords
} from '../../../../src/lib/workbench/frame/address.ts';

const view = {
	model: 'mini',
	projector: 'c-abs',
	tokens: 36,
	image: 'scene.1',
	prompt: 'What is this & that?'
};

describe('state in the address', () => {
	it('comes back as it was, beside what pages keep', () => {
		const parameters = withWords(new URLSearchParams('method=occlusion&tokens=9'), viewWords(view));
		expect(differing(parameters, viewWords(view))).toEqual([]);
		expect(readView(new URLSearchParams(parameters.toString()))).toEqual(view);
		expect(parameters.get('method')).toBe('occlusion');
		expect(readView(withWords(parameters, viewWords({})))).toEqual({});
	});

	it('ignores numbers that are none', () => {
		for (const tokens of ['x', '-1', '1.5', ''])
			expect(readView(new URLSearchParams({ tokens }))).toEqual({});
		const parameters = withWords(new URLSearchParams(), viewWords(view));
		expect(differing(parameters, viewWords({ ...view, tokens: 9 }))).toEqual(['tokens']);
	});

	it('names images by seed, by content when small, else by hash', () => {
		const id = 'ab'.repeat(32);
		const image = { id, name: 'Scene 12', bytes: Uint8Array.of(255, 0, 62) };
		expect(imageWord(image, true)).toBe('scene.12');
		const word = imageWord(image, false);
		expect(word).toMatch(/^data\.[\w-]+$/);
		expect(embeddedImage(word)).toEqual(image.bytes);
		expect(embeddedImage('data.%%')).toBeUndefined();
		const large = imageWord({ ...image, bytes: new Uint8Array(2000) }, false);
		expect(findImage(large, [image])).toBe(image);
		expect(findImage('scene.12', [image])).toBe(image);
		expect(findImage('scene.1', [image])).toBeUndefined();
	});

	it('goes before what is remembered, until something is chosen', () => {
		const kept = new Map([['honeybee.model', '"other"']]);
		const memory = linkedMemory(
			{ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) },
			view
		);
		expect(memory.getItem('honeybee.model')).toBe('"mini"');
		expect(memory.getItem('honeybee.projector.mini')).toBe('"c-abs"');
		expect(memory.getItem('honeybee.tokens.mini.c-abs')).toBe('36');
		expect(memory.getItem('honeybee.tokens.mini.d-abs')).toBeNull();
		memory.setItem('honeybee.model', '"third"');
		expect(memory.getItem('honeybee.model')).toBe('"third"');
	});
});

import { describe, expect, it } from 'vitest';
import { characterOf } from '../../../../src/lib/bytes/text.ts';
import { readCapsule } from '../../../../src/lib/viz/export/embed.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';

describe('characters by number', () => {
	it('are U+FFFD where there is no such character', () => {
		expect([65, 0x1f600, 0x10ffff].map(characterOf)).toEqual(['A', '😀', '\u{10ffff}']);
		expect([0x110000, 1e12, Infinity, NaN].map(characterOf)).toEqual(Array(4).fill('\ufffd'));
	});

	it.each(['&#x110000;', '&#99999999999;', '&#X1f600;'])(
		'a figure with %s is refused in a sentence, not by a RangeError',
		(reference) => {
			const svg = `<svg xmlns="http://www.w3.org/2000/svg"><metadata><figure xmlns="https://honeybee.invalid/figure">${reference}</figure></metadata></svg>`;
			expect(() => readCapsule(new TextEncoder().encode(svg))).toThrow(InputError);
		}
	);
});
